"""What the whole shop keeps to when it writes to people: quiet hours and frequency caps."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from triggers.core.schedule import QuietHours, quiet_hours
from triggers.models.consent import Channel
from triggers.models.template import MessageClass

# A leap year: the longest rolling window of a cap.
MOST_HOURS = 8784


class OnHit(models.TextChoices):
    """What becomes of a message for which a cap leaves no room."""

    SKIP = "skip", _("skip: it is not sent, the chain goes on")
    PUT_OFF = (
        "put_off",
        _("put off: the chain waits until there is room, unless the message is worthless by then"),
    )


class SendingRule(models.Model):
    """The rule of one channel and class. Without a row there are no quiet hours and no caps."""

    channel = models.CharField(_("channel"), max_length=10, choices=Channel.choices, default=Channel.EMAIL)
    message_class = models.CharField(
        _("class"), max_length=20, choices=MessageClass.choices, default=MessageClass.MARKETING
    )
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_until = models.TimeField(
        _("quiet until"),
        null=True,
        blank=True,
        help_text=_(
            "On the contact's own clock; may go past midnight. What falls into them leaves at their end."
        ),
    )
    on_hit = models.CharField(
        _("when a cap is full"), max_length=10, choices=OnHit.choices, default=OnHit.SKIP
    )

    class Meta:
        verbose_name = _("sending rule")
        verbose_name_plural = _("sending rules")
        ordering = ["channel", "message_class"]
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "message_class"],
                name="triggers_sendingrule_once",
                violation_error_message=_("There is a rule for this channel and class already."),
            ),
            models.CheckConstraint(
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False) & ~Q(quiet_from=F("quiet_until")),
                name="triggers_sendingrule_quiet",
                violation_error_message=_(
                    "Quiet hours need a beginning and an end that differ, or neither of them."
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()}, {str(self.get_message_class_display()).partition(':')[0]}"

    @property
    def quiet(self) -> QuietHours | None:
        return quiet_hours(self.quiet_from, self.quiet_until)


class FrequencyCap(models.Model):
    """At most `most` messages to one contact in any `hours` hours, of the rule's channel and class."""

    rule = models.ForeignKey(SendingRule, models.CASCADE, related_name="caps", verbose_name=_("rule"))
    most = models.PositiveSmallIntegerField(
        _("at most"), validators=[MinValueValidator(1), MaxValueValidator(1000)]
    )
    hours = models.PositiveIntegerField(
        _("in … hours"),
        validators=[MinValueValidator(1), MaxValueValidator(MOST_HOURS)],
        help_text=_("In any stretch of this length; 168 hours are a week."),
    )

    class Meta:
        verbose_name = _("frequency cap")
        verbose_name_plural = _("frequency caps")
        ordering = ["hours"]
        constraints = [
            models.UniqueConstraint(fields=["rule", "hours"], name="triggers_frequencycap_once"),
            models.CheckConstraint(condition=Q(most__gte=1), name="triggers_frequencycap_most"),
            models.CheckConstraint(
                condition=Q(hours__gte=1, hours__lte=MOST_HOURS), name="triggers_frequencycap_hours"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.most} in {self.hours} h"
