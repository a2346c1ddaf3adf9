"""The content of messages."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from triggers.models.consent import Channel, Topic


class MessageClass(models.TextChoices):
    """Whether a message needs consent. The two classes never share a lane."""

    MARKETING = "marketing", _("marketing: needs consent, can be unsubscribed from")
    TRANSACTIONAL = "transactional", _("transactional: about the contact's own order or account")


class Template(models.Model):
    """A letter or a text. Steps refer to it by `key` and read it when a message leaves."""

    key = models.SlugField(_("key"), max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=150)
    channel = models.CharField(_("channel"), max_length=10, choices=Channel.choices, default=Channel.EMAIL)
    message_class = models.CharField(
        _("class"), max_length=20, choices=MessageClass.choices, default=MessageClass.MARKETING
    )
    topic = models.ForeignKey(
        Topic,
        models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("topic"),
        help_text=_("What the unsubscribe link is about. Marketing templates need one."),
    )
    account = models.CharField(
        _("account"),
        max_length=32,
        blank=True,
        help_text=_("Which of the shop's provider accounts sends it; empty: the default one."),
    )
    subject = models.CharField(_("subject"), max_length=300, blank=True)
    preheader = models.CharField(
        _("preheader"),
        max_length=300,
        blank=True,
        help_text=_("Shown after the subject in the list of letters."),
    )
    html = models.TextField(_("HTML"), blank=True)
    text = models.TextField(
        _("text"),
        blank=True,
        help_text=_("For SMS, the message. For letters: made from the HTML when empty."),
    )
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("template")
        verbose_name_plural = _("templates")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
