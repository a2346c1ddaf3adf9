"""Periods: where they begin and end, also over the end of a year, of a month, and of the calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from tests.pure import utc
from triggers.core.periods import Period, last_days
from triggers.core.words import say

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 2, 13, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("period", "first", "end"),
    [
        (Period(), None, None),
        (last_days(30), "2026-01-31 12:00", None),
        (
            Period("dates", first=date(2025, 8, 1), last=date(2025, 8, 31)),
            "2025-07-31 22:00",
            "2025-08-31 22:00",
        ),
        (
            Period("dates", first=date(2025, 8, 1), last=date(2025, 8, 1)),
            "2025-07-31 22:00",
            "2025-08-01 22:00",
        ),
        (Period("month", month=8, years_ago=1), "2025-07-31 22:00", "2025-08-31 22:00"),
        (Period("month", month=12, years_ago=1), "2025-11-30 23:00", "2025-12-31 23:00"),
        (Period("month", month=2), "2026-01-31 23:00", "2026-02-28 23:00"),
    ],
)
def test_bounds(period: Period, first: str | None, end: str | None) -> None:
    wanted = tuple(utc(one) if one else None for one in (first, end))
    found = tuple(one.astimezone(UTC) if one else None for one in period.bounds(NOW))
    assert found == wanted
    sentence = period.describe()
    assert "%(" not in say(sentence.text, sentence.data)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "days"}, "how many days"),
        ({"kind": "month"}, "which month"),
        ({"kind": "dates", "first": date(2026, 1, 1)}, "from which day"),
        ({"kind": "dates", "first": date.min, "last": date(2026, 1, 1)}, "between 1970"),
        ({"kind": "dates", "first": date(2026, 1, 1), "last": date.max}, "between 1970"),
        ({"kind": "dates", "first": date(2026, 1, 2), "last": date(2026, 1, 1)}, "before the first"),
    ],
)
def test_what_is_no_period(fields: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Period(**fields)  # type: ignore[arg-type]
