"""Wait: for a length of time, or until an hour or weekday of the contact's own clock."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any, Literal

import msgspec
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.core.kinds import View
from triggers.core.schedule import add_days, next_local_time, zone_of
from triggers.core.values import Reason, Value, WaitUntil
from triggers.forms import KindForm
from triggers.steps.base import Step, steps

Unit = Literal["minutes", "hours", "days", "weeks"]
SECONDS: dict[Unit, int] = {"minutes": 60, "hours": 3600, "days": 86_400, "weeks": 604_800}

WEEKDAYS = (
    ("0", _("Monday")),
    ("1", _("Tuesday")),
    ("2", _("Wednesday")),
    ("3", _("Thursday")),
    ("4", _("Friday")),
    ("5", _("Saturday")),
    ("6", _("Sunday")),
)

ClockTime = Annotated[str, msgspec.Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Weekday = Annotated[int, msgspec.Meta(ge=0, le=6)]


class WaitConfig(Value, frozen=True, forbid_unknown_fields=True):
    """`amount` of `unit` first (0 for none), then on to `at` o'clock ("HH:MM") on one of `weekdays` (0 is Monday)."""

    amount: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    unit: Unit = "hours"
    at: ClockTime | None = None
    weekdays: tuple[Weekday, ...] = ()

    def __post_init__(self) -> None:
        if not (self.amount or self.at):
            raise ValueError("a wait needs a length or a time of day")
        if self.weekdays and not self.at:
            raise ValueError("a wait for a weekday needs a time of day")


class WaitForm(KindForm):
    amount = forms.IntegerField(label=_("Wait"), min_value=0, max_value=10_000, initial=3)
    unit = forms.ChoiceField(
        label=_("Unit"),
        choices=[
            ("minutes", _("minutes")),
            ("hours", _("hours")),
            ("days", _("days")),
            ("weeks", _("weeks")),
        ],
        initial="hours",
    )
    at = forms.TimeField(
        label=_("then until the time of day"),
        required=False,
        input_formats=["%H:%M"],
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
        help_text=_("In the contact's own time zone. Empty: go on as soon as the time is over."),
    )
    weekdays = forms.MultipleChoiceField(
        label=_("on one of these days"), choices=WEEKDAYS, required=False, widget=forms.CheckboxSelectMultiple
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not data.get("amount") and not data.get("at"):
            raise ValidationError(_("Give a length of time, a time of day, or both."))
        if data.get("weekdays") and not data.get("at"):
            self.add_error("at", _("Days of the week need a time of day."))
        return data

    def as_config(self) -> dict[str, Any]:
        config: dict[str, Any] = {
            "amount": self.cleaned_data["amount"] or 0,
            "unit": self.cleaned_data["unit"],
        }
        if self.cleaned_data.get("at"):
            config["at"] = f"{self.cleaned_data['at']:%H:%M}"
        if self.cleaned_data.get("weekdays"):
            config["weekdays"] = sorted(int(day) for day in self.cleaned_data["weekdays"])
        return config

    @classmethod
    def initial_of(cls, config: dict[str, Any]) -> dict[str, Any]:
        return {**config, "weekdays": [str(day) for day in config.get("weekdays", ())]}


@steps.register
class Wait(Step):
    key = "wait"
    label = _("Wait")
    icon = "◷"
    Config = WaitConfig
    form_class = WaitForm
    waits = True

    def decide(self, config: WaitConfig, view: View) -> WaitUntil:
        until = wait_until(config, view.since, view.journey.zone, view.wait_scale)
        return WaitUntil(
            until, Reason(gettext_noop("Waits until %(until_at)s"), {"until_at": until.isoformat()})
        )

    def describe(self, config: WaitConfig) -> Reason:
        data = {
            "amount": config.amount,
            "unit": {"text": UNIT_WORDS[config.unit]},
            "at": config.at,
            "days": [{"text": str(WEEKDAY_IDS[day])} for day in config.weekdays],
        }
        if not config.at:
            return Reason(gettext_noop("Wait %(amount)s %(unit)s"), data)
        if config.amount and config.weekdays:
            return Reason(gettext_noop("Wait %(amount)s %(unit)s, then until %(at)s on %(days)s"), data)
        if config.amount:
            return Reason(gettext_noop("Wait %(amount)s %(unit)s, then until %(at)s"), data)
        if config.weekdays:
            return Reason(gettext_noop("Wait until %(at)s on %(days)s"), data)
        return Reason(gettext_noop("Wait until %(at)s"), data)


UNIT_WORDS: dict[Unit, str] = {
    "minutes": gettext_noop("min"),
    "hours": gettext_noop("h"),
    "days": gettext_noop("d"),
    "weeks": gettext_noop("wk"),
}
WEEKDAY_IDS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def wait_until(config: WaitConfig, since: datetime, zone_name: str, scale: float) -> datetime:
    """The UTC moment at which a wait that began at `since` is over.

    With a `scale` other than 1 (demos) the length is elapsed time for every unit, and times of day are left out.
    """
    if scale != 1.0:
        return since + timedelta(seconds=(config.amount * SECONDS[config.unit] or 86_400) * scale)
    zone = zone_of(zone_name)
    over = since
    if config.unit in ("days", "weeks") and config.amount:
        over = add_days(since, config.amount * (7 if config.unit == "weeks" else 1), zone)
    elif config.amount:
        over = since + timedelta(seconds=config.amount * SECONDS[config.unit])
    if config.at:
        hour, minute = config.at.split(":")
        # A whole day's wait until 09:00 means that day's 09:00 even when it began at 10:00 on an earlier day.
        at = time(int(hour), int(minute))
        if config.unit in ("days", "weeks") and config.amount:
            start = over.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(
                microseconds=1
            )
            over = max(since, start.astimezone(UTC))
        over = next_local_time(over, at, zone, config.weekdays)
    return over.astimezone(UTC)
