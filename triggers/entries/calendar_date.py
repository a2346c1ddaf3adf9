"""A chain starts some days before or after dates that are the same for all: New Year, 8 March, Black Friday."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated, Any

import msgspec
from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.core.values import Reason, Value
from triggers.entries.base import entries
from triggers.entries.schedule import Clock
from triggers.entries.timed import TimedEntry
from triggers.exceptions import TriggersError
from triggers.forms import AudienceForm, clock_field

MOST_DAYS = 180
# A date of every year (03-08) or of one (2026-11-27).
DATE = re.compile(r"(\d{4}-)?(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
# Years in which a holiday that is chosen has to come: some move, some are new.
YEARS_TRIED = 3


class CalendarConfig(Value, frozen=True, forbid_unknown_fields=True):
    """`dates` as DATE writes them; or a `holiday` of a `country` (ISO 3166), named as the library `holidays` does in English."""

    at: Clock
    dates: Annotated[tuple[str, ...], msgspec.Meta(max_length=200)] = ()
    country: Annotated[str, msgspec.Meta(pattern=r"\A([A-Z]{2})?\Z")] = ""
    holiday: Annotated[str, msgspec.Meta(max_length=100)] = ""
    days: Annotated[int, msgspec.Meta(ge=-MOST_DAYS, le=MOST_DAYS)] = 0
    segment: str = ""

    def __post_init__(self) -> None:
        for text in self.dates:
            _check(text)
        if bool(self.country) != bool(self.holiday):
            raise ValueError("a holiday needs its country, and a country its holiday")
        if bool(self.dates) == bool(self.holiday):
            raise ValueError("either dates, or a holiday")


class CalendarForm(AudienceForm):
    dates = forms.CharField(
        label=_("Dates"),
        max_length=4000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "03-08\n2026-11-27"}),
        help_text=_("One a line: 03-08 is 8 March of every year, 2026-11-27 that day only."),
    )
    country = forms.CharField(
        label=_("or the country"), max_length=2, required=False, help_text=_("Two letters, for example DE.")
    )
    holiday = forms.CharField(
        label=_("and its holiday"),
        max_length=100,
        required=False,
        help_text=_("Its English name: Christmas Day."),
    )
    days = forms.IntegerField(label=_("Days"), min_value=0, max_value=MOST_DAYS, required=False, initial=0)
    side = forms.ChoiceField(
        label=_("before or after"), choices=[("before", _("before")), ("after", _("after"))]
    )
    at = clock_field()
    field_order = ["dates", "country", "holiday", "days", "side", "at", "segment"]

    def clean_dates(self) -> list[str]:
        lines = [line.strip() for line in self.cleaned_data["dates"].splitlines()]
        for line in filter(None, lines):
            try:
                _check(line)
            except ValueError:
                raise ValidationError(_("“%(line)s” is not a date."), params={"line": line}) from None
        return [line for line in lines if line]

    def clean_country(self) -> str:
        return str(self.cleaned_data["country"]).upper()

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        dates, country, holiday = data.get("dates"), data.get("country"), data.get("holiday")
        if bool(dates) == bool(country or holiday) and "dates" not in self.errors:
            self.add_error("dates", _("Give either dates, or a country and its holiday."))
        elif country or holiday:
            self._check_holiday(country or "", holiday or "")
        return data

    def _check_holiday(self, country: str, holiday: str) -> None:
        year = timezone.now().year
        try:
            names = {name for one in range(YEARS_TRIED) for name in names_of(country, year + one)}
        except TriggersError as error:
            self.add_error("country", str(error))
            return
        if holiday not in names:
            text = _("%(country)s has no such holiday. It has: %(names)s")
            params = {"country": country, "names": ", ".join(sorted(names))}
            self.add_error("holiday", ValidationError(text, params=params))

    def as_config(self) -> dict[str, Any]:
        given = super().as_config()
        config = {name: given[name] for name in ("dates", "country", "holiday", "segment") if name in given}
        days = given.get("days", 0) * (-1 if given["side"] == "before" else 1)
        return config | {"days": days, "at": f"{given['at']:%H:%M}"}

    @classmethod
    def initial_of(cls, config: dict[str, Any]) -> dict[str, Any]:
        days = config.get("days", 0)
        side = "after" if days > 0 else "before"
        return {**config, "days": abs(days), "side": side, "dates": "\n".join(config.get("dates", ()))}


@entries.register
class CalendarEntry(TimedEntry):
    key = "calendar"
    label = _("Dates of the calendar")
    event = "calendar_due"
    Config = CalendarConfig
    form_class = CalendarForm

    def walls(self, config: CalendarConfig, first: datetime, last: datetime) -> Iterator[datetime]:
        at, shift = time.fromisoformat(config.at), timedelta(days=config.days)
        years = range((first - shift).year, (last - shift).year + 1)
        for day in sorted({day for year in years for day in days_of_year(config, year)}):
            wall = datetime.combine(day + shift, at)
            if first <= wall <= last:
                yield wall

    def describe(self, config: CalendarConfig) -> Reason:
        what = f"{config.holiday} ({config.country})" if config.holiday else ", ".join(config.dates)
        data = {"what": what, "days": abs(config.days), "at": config.at}
        if config.days < 0:
            return Reason(gettext_noop("%(days)s days before %(what)s at %(at)s"), data)
        if config.days > 0:
            return Reason(gettext_noop("%(days)s days after %(what)s at %(at)s"), data)
        return Reason(gettext_noop("On %(what)s at %(at)s"), data)


def days_of_year(config: CalendarConfig, year: int) -> Iterable[date]:
    """The dates in one year. 29 February is the 28th in other years; of a holiday of several days the first counts."""
    if config.holiday:
        named = names_of(config.country, year).get(config.holiday)
        return (named,) if named else ()
    whole = (text if len(text) > 5 else f"{year}-{text}" for text in config.dates)
    return (date.fromisoformat(_possible(text)) for text in whole if text.startswith(f"{year:04}-"))


def _possible(text: str) -> str:
    if text.endswith("-02-29") and not calendar.isleap(int(text[:4])):
        return text.replace("-02-29", "-02-28")
    return text


def _check(text: str) -> None:
    """Raises ValueError for what is no date of a year or of every year."""
    if not DATE.fullmatch(text):
        raise ValueError(f"{text!r} is not a date like 03-08 or 2026-11-27")
    date.fromisoformat(text if len(text) > 5 else f"2024-{text}")


@lru_cache(maxsize=256)
def names_of(country: str, year: int) -> dict[str, date]:
    """A country's holidays of a year: English name → its first day. Raises TriggersError without the library or the country."""
    try:
        import holidays
    except ImportError:
        raise TriggersError("holidays are known with: pip install django-trigger-chains[holidays]") from None
    try:
        found = holidays.country_holidays(country, years=[year], language="en_US")
    except NotImplementedError:
        raise TriggersError(f"no holidays are known of the country {country!r}") from None
    first: dict[str, date] = {}
    for day, names in sorted(found.items()):
        for name in names.split("; "):
            first.setdefault(name, day)
    return first
