"""Rules of repetition, daily or slower: RFC 5545's RRULE, checked before dateutil is let near it."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from functools import lru_cache

from dateutil.rrule import rrule, rrulestr

FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
PARTS = {
    "FREQ": re.compile("|".join(FREQUENCIES)),
    "INTERVAL": re.compile(r"[1-9]\d{0,2}"),
    "COUNT": re.compile(r"[1-9]\d{0,3}"),
    "UNTIL": re.compile(r"\d{8}"),
    "BYMONTH": re.compile(r"\d{1,2}(,\d{1,2})*"),
    "BYMONTHDAY": re.compile(r"-?\d{1,2}(,-?\d{1,2})*"),
    "BYYEARDAY": re.compile(r"-?\d{1,3}(,-?\d{1,3})*"),
    "BYWEEKNO": re.compile(r"-?\d{1,2}(,-?\d{1,2})*"),
    "BYDAY": re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)(,([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU))*"),
    "BYSETPOS": re.compile(r"-?\d{1,3}(,-?\d{1,3})*"),
    "WKST": re.compile("MO|TU|WE|TH|FR|SA|SU"),
}
MOST_CHARS = 200
# Where "every second week" counts from when nothing is said: a Monday.
ANCHOR = date(2024, 1, 1)
# Each look counts from the start.
EARLIEST_YEAR = 2000
# Whether a rule ever comes true is tried this much later: the calendar is the same every 400 years, and where dateutil's
# time ends soon, a search in vain does not take long.
LATER_YEARS = 19 * 400
LAST_START = date(2399, 12, 31)


def days_of(rule: str, starts: date | None, first: date, last: date) -> tuple[date, ...]:
    """The days of a checked rule from `first` to `last`, both included."""
    return _days(rule, starts or ANCHOR, first, last)


@lru_cache(maxsize=1024)
def _days(rule: str, starts: date, first: date, last: date) -> tuple[date, ...]:
    found = _parse(rule, datetime.combine(starts, time())).between(
        datetime.combine(first, time()), datetime.combine(last, time()), inc=True
    )
    return tuple(one.date() for one in found)


@lru_cache(maxsize=1024)
def check_rule(rule: str, starts: date | None = None) -> str:
    """The rule in its canonical form. Raises ValueError, with what is wrong with it, for one that cannot be used."""
    text = rule.strip().upper().removeprefix("RRULE:")
    if len(text) > MOST_CHARS:
        raise ValueError(f"the rule has more than {MOST_CHARS} characters")
    given = [part.partition("=")[::2] for part in text.split(";") if part]
    names = [name for name, _value in given]
    for name, value in given:
        if name == "FREQ" and value in ("HOURLY", "MINUTELY", "SECONDLY"):
            raise ValueError(f"FREQ={value}: a rule repeats daily or more slowly")
        if name not in PARTS or not PARTS[name].fullmatch(value) or names.count(name) > 1:
            raise ValueError(f"{name}={value} cannot be used in a rule"[:100])
    if "FREQ" not in names:
        raise ValueError("the rule has no FREQ, for example FREQ=WEEKLY;BYDAY=TU")
    if starts and starts.year < EARLIEST_YEAR:
        raise ValueError(f"a rule cannot start before {EARLIEST_YEAR}")
    _check_happens([f"{name}={value}" for name, value in given], starts or ANCHOR)
    return ";".join(f"{name}={value}" for name, value in given)


def _check_happens(parts: list[str], starts: date) -> None:
    endless = ";".join(part for part in parts if not part.startswith(("UNTIL", "COUNT")))
    later = min(starts, LAST_START)
    later = later.replace(year=later.year + LATER_YEARS)
    try:
        _parse(";".join(parts), datetime.combine(starts, time()))
        happens = next(iter(_parse(endless, datetime.combine(later, time()))), None)
    except ValueError as error:
        raise ValueError(f"the rule cannot be read: {error}") from None
    if happens is None:
        raise ValueError("the rule names a day that never comes")


def _parse(rule: str, starts: datetime) -> rrule:
    parsed = rrulestr(rule, dtstart=starts)
    assert isinstance(parsed, rrule), "a set of rules needs more than one line"
    return parsed
