"""Rolling caps: where there is room, where there will be, and who gives way."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pure import NOW
from triggers.core.limits import Cap, Taken, first_room, full_cap, who_gives_way, why_full
from triggers.core.schedule import QuietHours
from triggers.core.words import say

UTC_ZONE = ZoneInfo("UTC")
DAY = Cap(1, 24)
WEEK = Cap(3, 168)


def at(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("caps", "hours", "expected"),
    [
        ([], [0, 0, 0], None),
        ([DAY], [], None),
        ([DAY], [-23.99], DAY),
        ([DAY], [-24], None),
        ([DAY], [0], DAY),
        # What is planned for later counts as much as what has left.
        ([DAY], [23.99], DAY),
        ([DAY], [24], None),
        ([WEEK], [-100, -50], None),
        ([WEEK], [-100, -50, -1], WEEK),
        ([WEEK], [-166, -1, 1], WEEK),
        ([WEEK], [-167, -1, 1], None),
        # Three in a week lie around it, but no week that holds it holds more than two others.
        ([WEEK], [-100, 69, 140], None),
        ([DAY, WEEK], [-150, -100, -30], WEEK),
        ([WEEK, DAY], [-23], DAY),
    ],
)
def test_is_there_room(caps: list[Cap], hours: list[float], expected: Cap | None) -> None:
    assert full_cap(NOW, caps, [at(one) for one in hours]) == expected


@pytest.mark.parametrize(
    ("caps", "hours", "quiet", "expected"),
    [
        ([DAY], [-1], [], 23),
        ([DAY], [-1, 30], [], 54),
        ([WEEK], [-100, -50, -1], [], 68),
        ([DAY, WEEK], [-100, -50, -1], [], 68),
        ([DAY, WEEK], [-160, -50, -1], [], 23),
        # NOW is noon: the place that is free at eleven at night is taken at eight in the morning.
        ([DAY], [-13], [QuietHours(at(8).time(), at(20).time())], 20),
        ([DAY], [-13, 35], [QuietHours(at(8).time(), at(20).time())], 68),
    ],
)
def test_where_there_will_be_room(
    caps: list[Cap], hours: list[float], quiet: list[QuietHours], expected: float
) -> None:
    assert first_room(NOW, caps, [at(one) for one in hours], quiet, UTC_ZONE) == at(expected)


def taken(hours: float, pk: int, priority: int = 0, *, is_movable: bool = True) -> Taken:
    return Taken(at(hours), pk, f"chain {pk}", priority, is_movable)


@pytest.mark.parametrize(
    ("caps", "others", "expected"),
    [
        ([DAY], [taken(2, 1)], [1]),
        ([DAY], [taken(2, 1, 5)], []),
        ([DAY], [taken(2, 1, 9)], []),
        ([DAY], [taken(2, 1, is_movable=False)], []),
        ([DAY], [taken(2, 1), taken(-2, 2, is_movable=False)], []),
        ([DAY], [taken(-2, 1), taken(2, 2)], [1, 2]),
        ([WEEK], [taken(1, 1, 2), taken(2, 2), taken(3, 3, 1)], [2]),
        ([WEEK], [taken(1, 1), taken(2, 2), taken(3, 3)], [3]),
        # The least important is out of the way already: it stays.
        ([DAY], [taken(30, 1), taken(2, 2, 3)], [2]),
    ],
)
def test_who_gives_way_to_a_chain_of_priority_5(
    caps: list[Cap], others: list[Taken], expected: list[int]
) -> None:
    assert sorted(one.id for one in who_gives_way(NOW, caps, others, 5)) == expected


def test_the_reason_names_who_went_first_unless_it_was_the_chain_itself() -> None:
    own, other = Taken(NOW, 1, "Cart"), Taken(NOW, 2, "Welcome", priority=3)
    far = Taken(at(-200), 3, "Long ago", priority=9)
    reason = why_full(WEEK, NOW, [own, other, far], "Cart")
    assert say(reason.text, reason.data) == "already 3 in 7 d, “Welcome” goes first"
    gone = Taken(NOW, 4, "Welcome", priority=3, has_left=True)
    reason = why_full(WEEK, NOW, [own, gone], "Cart")
    assert say(reason.text, reason.data) == "already 3 in 7 d, “Welcome” was earlier"
    reason = why_full(Cap(1, 36), NOW, [own], "Cart")
    assert say(reason.text, reason.data) == "already 1 in 36 h"


hours = st.lists(st.integers(-200, 200), max_size=8)
some_caps = st.lists(st.builds(Cap, st.integers(1, 4), st.sampled_from([1, 24, 100])), min_size=1, max_size=2)


def holds(caps: list[Cap], moments: list[datetime]) -> bool:
    """Counted the plain way: no window that begins with a message holds more than it may."""
    return all(
        sum(first <= one < first + cap.span for one in moments) <= cap.most
        for cap in caps
        for first in moments
    )


@given(hours, some_caps)
def test_filling_every_room_never_breaks_a_cap_and_passes_none_by(wanted: list[int], caps: list[Cap]) -> None:
    filled: list[datetime] = []
    for hour in wanted:
        place = first_room(at(hour), caps, filled, [], UTC_ZONE)
        for earlier in range(hour, int((place - NOW).total_seconds() // 3600) + 1):
            assert at(earlier) >= place or not holds(caps, [*filled, at(earlier)]), "room was passed by"
        filled.append(place)
        assert holds(caps, filled)
