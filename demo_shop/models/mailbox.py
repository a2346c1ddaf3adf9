"""What the shop sent. A real shop has no such table: its letters are with their readers."""

from __future__ import annotations

from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default as modern
from typing import cast

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class MailboxLetter(models.Model):
    """One letter as it left, byte for byte."""

    recipients = models.TextField(_("to"))
    sender = models.CharField(_("from"), max_length=400)
    subject = models.CharField(_("subject"), max_length=500, blank=True)
    raw = models.BinaryField(_("letter"))
    sent_at = models.DateTimeField(_("sent"), auto_now_add=True, db_index=True)

    class Meta:
        verbose_name = _("letter in the mailbox")
        verbose_name_plural = _("letters in the mailbox")
        ordering = ["-sent_at", "-pk"]

    def __str__(self) -> str:
        return self.subject

    def get_absolute_url(self) -> str:
        return reverse("demo_shop:letter", args=[self.pk])

    @property
    def message(self) -> EmailMessage:
        return BytesParser(policy=modern).parsebytes(bytes(self.raw))

    @property
    def headers(self) -> list[tuple[str, str]]:
        return [(name, str(value)) for name, value in self.message.items()]

    def body(self, subtype: str) -> str:
        """The "html" or the "plain" part, "" when the letter has none."""
        part = self.message.get_body((subtype,))
        return cast(str, part.get_content()) if part else ""


class MailboxText(models.Model):
    """One SMS."""

    uid = models.CharField(max_length=64, blank=True)
    recipient = models.CharField(_("to"), max_length=40)
    sender = models.CharField(_("from"), max_length=40, blank=True)
    body = models.TextField(_("text"))
    sent_at = models.DateTimeField(_("sent"), auto_now_add=True, db_index=True)

    class Meta:
        verbose_name = _("SMS in the mailbox")
        verbose_name_plural = _("SMS in the mailbox")
        ordering = ["-sent_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.recipient}: {self.body:.40}"
