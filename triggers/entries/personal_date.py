"""A chain starts some days before or after a date of the contact's own: a birthday, the end of a subscription."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from django import forms
from django.core.exceptions import ValidationError
from django.db.models import CharField, Exists, F, OuterRef, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.core.schedule import resolve_local, zone_of
from triggers.core.values import Reason, Value
from triggers.entries.base import entries
from triggers.entries.fanned import Occasion, Slot
from triggers.entries.schedule import Clock
from triggers.entries.timed import TimedEntry, every_day, wall_of
from triggers.forms import AudienceForm, clock_field

if TYPE_CHECKING:
    from django.db.models import QuerySet

BIRTHDAY = "birthday"
MOST_DAYS = 180
# Where there is no 29 February, its yearly date is the day before or the day after.
LeapDay = Literal["feb28", "mar1"]

Field = Annotated[str, msgspec.Meta(pattern=r"\A(birthday|attributes\.[A-Za-z_][A-Za-z0-9_]{0,49})\Z")]


class PersonalDateConfig(Value, frozen=True, forbid_unknown_fields=True):
    """`field` is "birthday", or "attributes.<name>" with an ISO date in it. `days` are before the date if negative."""

    field: Field
    at: Clock
    days: Annotated[int, msgspec.Meta(ge=-MOST_DAYS, le=MOST_DAYS)] = 0
    is_yearly: bool = True
    leap_day: LeapDay = "feb28"
    segment: str = ""


class PersonalDateForm(AudienceForm):
    field = forms.CharField(
        label=_("Date"),
        initial=BIRTHDAY,
        max_length=61,
        help_text=_("birthday, or an attribute with a date like 2026-05-04: attributes.renewal"),
    )
    days = forms.IntegerField(label=_("Days"), min_value=0, max_value=MOST_DAYS, required=False, initial=0)
    side = forms.ChoiceField(
        label=_("before or after"), choices=[("before", _("before")), ("after", _("after"))]
    )
    at = clock_field()
    is_yearly = forms.BooleanField(label=_("Every year"), required=False, initial=True)
    leap_day = forms.ChoiceField(
        label=_("29 February in other years"),
        choices=[("feb28", _("on 28 February")), ("mar1", _("on 1 March"))],
        initial="feb28",
    )
    field_order = ["field", "days", "side", "at", "is_yearly", "leap_day", "segment"]

    def clean_field(self) -> str:
        name: str = self.cleaned_data["field"].strip()
        try:
            msgspec.convert(name, Field)
        except msgspec.ValidationError:
            raise ValidationError(_("Write birthday, or attributes. and a name.")) from None
        return name

    def as_config(self) -> dict[str, Any]:
        given = self.cleaned_data
        days = (given["days"] or 0) * (-1 if given["side"] == "before" else 1)
        config = {"field": given["field"], "days": days, "at": f"{given['at']:%H:%M}"}
        config |= {"is_yearly": given["is_yearly"], "leap_day": given["leap_day"]}
        return config | ({"segment": given["segment"]} if given["segment"] else {})

    @classmethod
    def initial_of(cls, config: dict[str, Any]) -> dict[str, Any]:
        days = config.get("days", 0)
        return {**config, "days": abs(days), "side": "after" if days > 0 else "before"}


@entries.register
class PersonalDateEntry(TimedEntry):
    """Once a day it is asked whose moment has come: today's, and with days before, those of dates that were entered late."""

    key = "personal_date"
    label = _("A date of the contact's own")
    event = "personal_date_due"
    Config = PersonalDateConfig
    form_class = PersonalDateForm

    def walls(self, config: PersonalDateConfig, first: datetime, last: datetime) -> Iterator[datetime]:
        return every_day(config.at, first, last)

    def choose(
        self,
        config: PersonalDateConfig,
        occasion: Occasion,
        contacts: QuerySet[Any],
        events: QuerySet[Any],
    ) -> QuerySet[Any]:
        today = wall_of(occasion).date()
        days = [today - timedelta(days=config.days + late) for late in range(_late_days(config) + 1)]
        if _late_days(config):
            since = occasion.at - timedelta(days=_late_days(config) + 1)
            told = events.filter(contact=OuterRef("pk"), name=self.event, data__trigger=occasion.trigger)
            contacts = contacts.filter(~Exists(told.filter(recorded_at__gt=since)))
        if config.field == BIRTHDAY:
            born: QuerySet[Any] = contacts.annotate(mark=F(BIRTHDAY)).filter(_dates(config, days))
            return born
        name = config.field.removeprefix("attributes.")
        text = Cast(KeyTextTransform(name, "attributes"), CharField(max_length=100))
        written: QuerySet[Any] = contacts.annotate(mark=text).filter(_texts(config, days))
        return written

    def slot(self, config: PersonalDateConfig, occasion: Occasion, mark: Any) -> Slot | None:
        born = mark if isinstance(mark, date) else _parsed(mark)
        if born is None:
            return None
        wall = wall_of(occasion)
        for late in range(_late_days(config) + 1):
            day = wall.date() - timedelta(days=config.days + late)
            if day in occurrences(config, born, day.year):
                moment = resolve_local(wall - timedelta(days=late), zone_of(occasion.zone))
                return Slot(f"{config.field}:{day}", moment)
        return None

    def looks_back(self, config: PersonalDateConfig) -> float:
        return abs(config.days) + 2.0

    def describe(self, config: PersonalDateConfig) -> Reason:
        data = {"field": config.field, "days": abs(config.days), "at": config.at}
        if config.days < 0:
            return Reason(gettext_noop("%(days)s days before %(field)s at %(at)s"), data)
        if config.days > 0:
            return Reason(gettext_noop("%(days)s days after %(field)s at %(at)s"), data)
        return Reason(gettext_noop("On %(field)s at %(at)s"), data)


def _late_days(config: PersonalDateConfig) -> int:
    """Whoever's date becomes known between the moment and the date itself joins late; it may have come that long ago."""
    return max(0, -config.days)


def occurrences(config: PersonalDateConfig, born: date, year: int) -> tuple[date, ...]:
    """The days of a year on which the date is celebrated; the date itself when it does not come back."""
    if not config.is_yearly:
        return (born,)
    if (born.month, born.day) == (2, 29) and not calendar.isleap(year):
        return (date(year, 2, 28) if config.leap_day == "feb28" else date(year, 3, 1),)
    return (born.replace(year=year),)


def _days_of_year(config: PersonalDateConfig, days: list[date]) -> set[tuple[int, int]]:
    """Months and days that are celebrated on these days."""
    found = {(day.month, day.day) for day in days}
    instead = (2, 28) if config.leap_day == "feb28" else (3, 1)
    if any((day.month, day.day) == instead and not calendar.isleap(day.year) for day in days):
        found.add((2, 29))
    return found


def _dates(config: PersonalDateConfig, days: list[date]) -> Q:
    if not config.is_yearly:
        return Q(birthday__in=days)
    found = Q(pk__in=())
    for month, day in sorted(_days_of_year(config, days)):
        found |= Q(birthday__month=month, birthday__day=day)
    return found


def _texts(config: PersonalDateConfig, days: list[date]) -> Q:
    if not config.is_yearly:
        return Q(mark__in=[day.isoformat() for day in days])
    found = Q(pk__in=())
    for month, day in sorted(_days_of_year(config, days)):
        found |= Q(mark__endswith=f"-{month:02}-{day:02}")
    return found


def _parsed(text: Any) -> date | None:
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
