"""Stretches of time that a condition looks at; relative ones move with the clock."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal

import msgspec
from django.utils.translation import gettext_noop

from triggers.core.values import Reason, Value

PeriodKind = Literal["ever", "days", "dates", "month"]
Bounds = tuple[datetime | None, datetime | None]

MOST_DAYS = 3660
# No event is older; and every moment in between can be written in every zone.
EARLIEST, LATEST = date(1970, 1, 1), date(2199, 12, 31)


class Period(Value, frozen=True, forbid_unknown_fields=True):
    """`ever`; the last `days`; from day `first` to day `last`, both whole; or a month of the year `years_ago` (0: this one)."""

    kind: PeriodKind = "ever"
    days: Annotated[int, msgspec.Meta(ge=1, le=MOST_DAYS)] | None = None
    first: date | None = None
    last: date | None = None
    month: Annotated[int, msgspec.Meta(ge=1, le=12)] | None = None
    years_ago: Annotated[int, msgspec.Meta(ge=0, le=20)] = 0

    def __post_init__(self) -> None:
        if self.kind == "days" and self.days is None:
            raise ValueError("in the last how many days?")
        if self.kind == "month" and self.month is None:
            raise ValueError("which month?")
        if self.kind == "dates":
            if self.first is None or self.last is None:
                raise ValueError("from which day to which?")
            if self.first < EARLIEST or self.last > LATEST:
                raise ValueError(f"days lie between {EARLIEST} and {LATEST}")
            if self.last < self.first:
                raise ValueError("the last day is before the first")

    def bounds(self, now: datetime) -> Bounds:
        """From the first moment to just before the second, or None where there is no end. Days begin in `now`'s zone."""
        if self.kind == "days" and self.days is not None:
            return now - timedelta(days=self.days), None
        if self.kind == "dates" and self.first is not None and self.last is not None:
            return _midnight(self.first, now), _midnight(self.last + timedelta(days=1), now)
        if self.kind == "month" and self.month is not None:
            year = now.year - self.years_ago
            after = date(year + 1, 1, 1) if self.month == 12 else date(year, self.month + 1, 1)
            return _midnight(date(year, self.month, 1), now), _midnight(after, now)
        return None, None

    def describe(self) -> Reason:
        """The period in words, to stand inside a sentence."""
        if self.kind == "days":
            return Reason(gettext_noop("in the last %(days)s days"), {"days": self.days})
        if self.kind == "dates":
            return Reason(
                gettext_noop("from %(first)s to %(last)s"), {"first": str(self.first), "last": str(self.last)}
            )
        if self.kind == "month":
            return Reason(MONTHS[min(self.years_ago, 2)], {"month": self.month, "years": self.years_ago})
        return Reason(gettext_noop("ever"))


EVER = Period()

MONTHS = (
    gettext_noop("in month %(month)s of this year"),
    gettext_noop("in month %(month)s of last year"),
    gettext_noop("in month %(month)s, %(years)s years ago"),
)


def last_days(days: int) -> Period:
    return Period("days", days)


def _midnight(day: date, now: datetime) -> datetime:
    return datetime.combine(day, time(), tzinfo=now.tzinfo)
