"""A chain starts on certain days at a time of day on the contact's own clock: each Tuesday at 10:00."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Annotated, Any, Literal

import msgspec
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.core.values import Reason, Value
from triggers.entries.base import entries
from triggers.entries.recurrence import check_rule, days_of
from triggers.entries.timed import TimedEntry
from triggers.forms import AudienceForm, clock_field

Every = Literal["day", "week", "month", "rule"]

EVERY_LABELS: dict[Every, Any] = {
    "day": _("every day"),
    "week": _("every week"),
    "month": _("every month"),
    "rule": _("by a rule"),
}
# As RRULE calls the days, Monday first.
RULE_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
DAYS = [
    ("0", _("Monday")), ("1", _("Tuesday")), ("2", _("Wednesday")), ("3", _("Thursday")),
    ("4", _("Friday")), ("5", _("Saturday")), ("6", _("Sunday")),
]  # fmt: skip
DAY_IDS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Clock = Annotated[str, msgspec.Meta(pattern=r"\A([01]\d|2[0-3]):[0-5]\d\Z")]
Weekday = Annotated[int, msgspec.Meta(ge=0, le=6)]
MonthDay = Annotated[int, msgspec.Meta(ge=1, le=31)]


class ScheduleConfig(Value, frozen=True, forbid_unknown_fields=True):
    """`weekdays` (0 is Monday) belong to "week", `month_day` to "month", `rule` (RRULE) and `starts` to "rule"."""

    every: Every
    at: Clock
    weekdays: tuple[Weekday, ...] = ()
    month_day: MonthDay = 1
    rule: str = ""
    starts: date | None = None
    segment: str = ""

    def __post_init__(self) -> None:
        if self.every == "week" and not self.weekdays:
            raise ValueError("on which days of the week?")
        if self.every == "rule":
            check_rule(self.rule, self.starts)


class ScheduleForm(AudienceForm):
    every = forms.ChoiceField(label=_("Repeats"), choices=list(EVERY_LABELS.items()), initial="week")
    weekdays = forms.MultipleChoiceField(
        label=_("on these days of the week"),
        choices=DAYS,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    month_day = forms.IntegerField(
        label=_("on this day of the month"),
        min_value=1,
        max_value=31,
        required=False,
        help_text=_("31 is the last day of every month; in a shorter month 29 and 30 are, too."),
    )
    rule = forms.CharField(
        label=_("Rule"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "FREQ=WEEKLY;INTERVAL=2;BYDAY=TU"}),
        help_text=_("An RRULE as calendars write it, daily or slower."),
    )
    starts = forms.DateField(
        label=_("counted from"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("Where a rule like every second week begins."),
    )
    at = clock_field()
    field_order = ["every", "weekdays", "month_day", "rule", "starts", "at", "segment"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("every") == "week" and not data.get("weekdays"):
            self.add_error("weekdays", _("Choose at least one day."))
        if data.get("every") == "month" and not data.get("month_day"):
            self.add_error("month_day", _("Say on which day."))
        if data.get("every") == "rule" and "rule" in data:
            try:
                data["rule"] = check_rule(data["rule"], data.get("starts"))
            except ValueError as error:
                self.add_error("rule", ValidationError("%(error)s", params={"error": error}))
        return data

    def as_config(self) -> dict[str, Any]:
        given, every = super().as_config(), self.cleaned_data["every"]
        belongs = {"week": ("weekdays",), "month": ("month_day",), "rule": ("rule", "starts")}.get(every, ())
        config = {name: given[name] for name in ("every", *belongs, "segment") if name in given}
        if "weekdays" in config:
            config["weekdays"] = sorted(int(day) for day in config["weekdays"])
        if "starts" in config:
            config["starts"] = config["starts"].isoformat()
        return config | {"at": f"{given['at']:%H:%M}"}

    @classmethod
    def initial_of(cls, config: dict[str, Any]) -> dict[str, Any]:
        return {**config, "weekdays": [str(day) for day in config.get("weekdays", ())]}


@entries.register
class ScheduleEntry(TimedEntry):
    key = "schedule"
    label = _("A schedule")
    event = "schedule_due"
    Config = ScheduleConfig
    form_class = ScheduleForm

    def walls(self, config: ScheduleConfig, first: datetime, last: datetime) -> Iterator[datetime]:
        at = time.fromisoformat(config.at)
        starts = config.starts if config.every == "rule" else None
        for day in days_of(rule_of(config), starts, first.date(), last.date()):
            wall = datetime.combine(day, at)
            if first <= wall <= last:
                yield wall

    def describe(self, config: ScheduleConfig) -> Reason:
        data: dict[str, Any] = {"at": config.at}
        if config.every == "week":
            data["days"] = [{"text": DAY_IDS[day]} for day in config.weekdays]
            return Reason(gettext_noop("Every week on %(days)s at %(at)s"), data)
        if config.every == "month":
            data["day"] = config.month_day
            return Reason(gettext_noop("Every month on day %(day)s at %(at)s"), data)
        if config.every == "rule":
            return Reason(gettext_noop("By the rule %(rule)s at %(at)s"), data | {"rule": config.rule})
        return Reason(gettext_noop("Every day at %(at)s"), data)


def rule_of(config: ScheduleConfig) -> str:
    """The schedule's days as an RRULE."""
    if config.every == "week":
        return f"FREQ=WEEKLY;BYDAY={','.join(RULE_DAYS[day] for day in config.weekdays)}"
    if config.every == "month" and config.month_day > 28:
        # A shorter month has its last day instead.
        days = ",".join(str(day) for day in range(28, config.month_day + 1))
        return f"FREQ=MONTHLY;BYMONTHDAY={days};BYSETPOS=-1"
    if config.every == "month":
        return f"FREQ=MONTHLY;BYMONTHDAY={config.month_day}"
    return check_rule(config.rule, config.starts) if config.every == "rule" else "FREQ=DAILY"
