"""What became of a chain's messages, day by day: the answer to long windows, without a look at the messages."""

from __future__ import annotations

from django.db import models
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from triggers.models.chain import Chain
from triggers.models.consent import Channel
from triggers.models.template import MessageClass


class ChainDayQuerySet(models.QuerySet["ChainDay"]):
    def forget(self) -> None:
        """Let the watch count from here on; the figures themselves stay."""
        self.update(
            sent_before=F("sent"), bounced_before=F("bounced"), complained_before=F("complained"), failing=0
        )


class ChainDay(models.Model):
    """Counts of one chain, day (UTC), channel and class. `delivery.tally` writes them and can make them anew.

    Bounces and complaints count on the day on which their message was handed over, failures on the day they happened.
    """

    chain = models.ForeignKey(Chain, models.CASCADE, related_name="days", verbose_name=_("chain"))
    day = models.DateField(_("day"))
    channel = models.CharField(_("channel"), max_length=10, choices=Channel.choices)
    message_class = models.CharField(_("class"), max_length=20, choices=MessageClass.choices)
    sent = models.IntegerField(_("handed over"), default=0)
    bounced = models.IntegerField(_("bounced"), default=0)
    complained = models.IntegerField(_("complained about"), default=0)
    failed = models.IntegerField(_("failed"), default=0)
    # Failures since the last one that was handed over.
    failing = models.IntegerField(default=0, editable=False)
    # What the watch does not count any more: the chain was resumed after it.
    sent_before = models.IntegerField(default=0, editable=False)
    bounced_before = models.IntegerField(default=0, editable=False)
    complained_before = models.IntegerField(default=0, editable=False)

    objects = ChainDayQuerySet.as_manager()

    class Meta:
        verbose_name = _("day of a chain")
        verbose_name_plural = _("days of chains")
        constraints = [
            models.UniqueConstraint(
                fields=["chain", "day", "channel", "message_class"], name="triggers_chainday_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.chain_id} {self.day} {self.channel} {self.message_class}"
