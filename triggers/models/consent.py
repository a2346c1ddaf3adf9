"""What we may send, and what never again."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from triggers.models.contact import Contact


class Channel(models.TextChoices):
    """How a message travels."""

    EMAIL = "email", _("e-mail")
    SMS = "sms", _("SMS")


class Topic(models.Model):
    """What a contact can unsubscribe from; every marketing template belongs to one."""

    key = models.SlugField(_("key"), unique=True)
    name = models.CharField(_("name"), max_length=100, help_text=_("Shown on the unsubscribe page."))
    description = models.CharField(_("description"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("topic")
        verbose_name_plural = _("topics")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Consent(models.Model):
    """The latest word of a contact about a channel: when it was said, where, and to which text."""

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="consents", verbose_name=_("contact"))
    channel = models.CharField(_("channel"), max_length=10, choices=Channel.choices)
    is_granted = models.BooleanField(_("agreed"))
    said_at = models.DateTimeField(_("moment"))
    source = models.CharField(
        _("source"), max_length=100, help_text=_("Form, import, letter … it was given in.")
    )
    text = models.TextField(_("text agreed to"), blank=True)

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        constraints = [models.UniqueConstraint(fields=["contact", "channel"], name="triggers_consent_once")]

    def __str__(self) -> str:
        return f"{self.get_channel_display()}: {_('yes') if self.is_granted else _('no')}"


class OptOut(models.Model):
    """A topic that a contact wants no more of."""

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="opt_outs", verbose_name=_("contact"))
    topic = models.ForeignKey(Topic, models.CASCADE, related_name="opt_outs", verbose_name=_("topic"))
    said_at = models.DateTimeField(_("moment"))
    source = models.CharField(_("source"), max_length=100)

    class Meta:
        verbose_name = _("unsubscription from a topic")
        verbose_name_plural = _("unsubscriptions from topics")
        constraints = [models.UniqueConstraint(fields=["contact", "topic"], name="triggers_optout_once")]

    def __str__(self) -> str:
        return str(self.topic)


class SuppressionReason(models.TextChoices):
    """Why an address gets nothing more."""

    BOUNCE = "bounce", _("hard bounce")
    COMPLAINT = "complaint", _("complaint")
    UNSUBSCRIBED = "unsubscribed", _("unsubscribed from everything")
    MANUAL = "manual", _("by hand")
    ERASED = "erased", _("its owner was erased")


class Suppression(models.Model):
    """An address that must get nothing more, whoever it belongs to. `triggers.suppressions` reads and writes them.

    Of somebody who was erased only a keyed hash of the address is known.
    """

    channel = models.CharField(_("channel"), max_length=10, choices=Channel.choices)
    address = models.CharField(_("address"), max_length=254, help_text=_("In its canonical form."))
    reason = models.CharField(_("reason"), max_length=20, choices=SuppressionReason.choices)
    note = models.CharField(_("note"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("since"), auto_now_add=True)

    class Meta:
        verbose_name = _("suppression")
        verbose_name_plural = _("suppressions")
        constraints = [
            models.UniqueConstraint(fields=["channel", "address"], name="triggers_suppression_once")
        ]

    def __str__(self) -> str:
        return f"{self.address} ({self.get_reason_display()})"
