"""Wall-clock moments where clocks jump, fall back, or skip a whole day."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pure import utc
from triggers.core.schedule import add_days, next_local_time, resolve_local, zone_of

# A sample of all there are; the property tests draw from these.
ZONE_NAMES = (
    *("UTC", "Europe/Berlin", "Europe/Dublin", "Europe/Lisbon", "America/New_York", "America/Sao_Paulo"),
    *(
        "America/Santiago",
        "America/St_Johns",
        "America/Havana",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Asia/Beirut",
    ),
    *("Asia/Gaza", "Africa/Cairo", "Africa/Casablanca", "Africa/Monrovia", "Antarctica/Troll"),
    *("Australia/Lord_Howe", "Pacific/Apia", "Pacific/Chatham", "Pacific/Kiritimati", "Pacific/Pago_Pago"),
)
zones = st.sampled_from(ZONE_NAMES).map(ZoneInfo)
moments = st.datetimes(datetime(2005, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))
# Where clocks change, to the second: half of all draws would otherwise miss every one of them.
SWITCHES = (
    "2026-03-29 01:00",
    "2026-10-25 01:00",
    "2026-03-08 07:00",
    "2026-11-01 06:00",
    "2011-12-30 10:00",
)
near_switches = st.tuples(st.sampled_from(SWITCHES).map(utc), st.integers(-100_000, 100_000)).map(
    lambda pair: pair[0] + timedelta(seconds=pair[1])
)


@pytest.mark.parametrize(
    ("zone", "wall", "expected"),
    [
        ("Europe/Berlin", "2026-07-01 09:00", "2026-07-01 07:00"),
        ("Europe/Berlin", "2026-03-29 02:30", "2026-03-29 01:00"),
        ("Europe/Berlin", "2026-03-29 02:00", "2026-03-29 01:00"),
        ("Europe/Berlin", "2026-03-29 03:00", "2026-03-29 01:00"),
        ("Europe/Berlin", "2026-03-29 01:59", "2026-03-29 00:59"),
        ("Europe/Berlin", "2026-10-25 02:30", "2026-10-25 00:30"),
        ("America/New_York", "2026-03-08 02:30", "2026-03-08 07:00"),
        ("America/New_York", "2026-11-01 01:30", "2026-11-01 05:30"),
        ("Australia/Lord_Howe", "2026-10-04 02:15", "2026-10-03 15:30"),
        ("Australia/Lord_Howe", "2026-04-05 01:45", "2026-04-04 14:45"),
        ("America/Sao_Paulo", "2018-11-04 00:00", "2018-11-04 03:00"),
        ("Asia/Beirut", "2026-03-29 00:30", "2026-03-28 22:00"),
        ("America/Havana", "2026-11-01 00:30", "2026-11-01 04:30"),
        ("Pacific/Apia", "2011-12-30 09:00", "2011-12-30 10:00"),
        ("Antarctica/Troll", "2026-03-29 02:00", "2026-03-29 01:00"),
        ("Africa/Monrovia", "1972-01-07 00:20", "1972-01-07 00:44:30"),
    ],
    ids=[
        "ordinary day",
        "gap: first valid instant after",
        "start of the gap",
        "end of the gap",
        "a minute before the gap",
        "fold: the first of two",
        "gap in America",
        "fold in America",
        "gap of half an hour",
        "fold of half an hour",
        "gap at midnight",
        "gap at midnight, still on daylight saving",
        "fold at midnight",
        "a day that never was",
        "gap of two hours",
        "gap of 44 minutes and a half",
    ],
)
def test_local_times(zone: str, wall: str, expected: str) -> None:
    assert resolve_local(datetime.fromisoformat(wall), ZoneInfo(zone)) == utc(expected)


@pytest.mark.parametrize(
    ("zone", "since", "days", "expected"),
    [
        ("Europe/Berlin", "2026-03-28 12:00", 1, "2026-03-29 11:00"),
        ("Europe/Berlin", "2026-10-24 12:00", 1, "2026-10-25 13:00"),
        ("Europe/Berlin", "2026-03-28 01:30", 1, "2026-03-29 01:00"),
        ("Europe/Berlin", "2026-10-24 00:30", 1, "2026-10-25 00:30"),
        ("UTC", "2026-01-31 10:00", 28, "2026-02-28 10:00"),
        ("UTC", "2028-02-28 10:00", 1, "2028-02-29 10:00"),
        ("UTC", "2026-12-31 23:59", 1, "2027-01-01 23:59"),
        ("Pacific/Apia", "2011-12-29 20:00", 1, "2011-12-30 10:00"),
        ("Europe/Berlin", "2026-10-25 01:30", 0, "2026-10-25 01:30"),
    ],
    ids=[
        "23 hours",
        "25 hours",
        "into a gap",
        "into a fold",
        "month end",
        "leap day",
        "new year",
        "a day that never was",
        "no days, in the second pass through a fold: never back",
    ],
)
def test_days_later(zone: str, since: str, days: int, expected: str) -> None:
    assert add_days(utc(since), days, ZoneInfo(zone)) == utc(expected)


@pytest.mark.parametrize(
    ("zone", "since", "at", "weekdays", "expected"),
    [
        ("Europe/Berlin", "2026-03-02 07:59", "09:00", (), "2026-03-02 08:00"),
        ("Europe/Berlin", "2026-03-02 08:00", "09:00", (), "2026-03-03 08:00"),
        ("Europe/Berlin", "2026-03-02 23:30", "00:15", (), "2026-03-03 23:15"),
        ("Pacific/Kiritimati", "2026-03-02 12:00", "09:00", (), "2026-03-02 19:00"),
        ("Pacific/Pago_Pago", "2026-03-02 12:00", "09:00", (), "2026-03-02 20:00"),
        ("UTC", "2026-03-02 10:00", "09:00", (0,), "2026-03-09 09:00"),
        ("UTC", "2026-03-02 08:00", "09:00", (0,), "2026-03-02 09:00"),
        ("UTC", "2026-03-06 10:00", "09:00", (0, 4), "2026-03-09 09:00"),
        ("Europe/Berlin", "2026-03-28 12:00", "02:30", (6,), "2026-03-29 01:00"),
        ("Europe/Berlin", "2026-10-25 00:45", "02:30", (), "2026-10-26 01:30"),
    ],
    ids=[
        "later today",
        "at this very moment: tomorrow",
        "just after midnight",
        "tomorrow there is today here",
        "the other side of the date line",
        "this weekday's hour is over: a week",
        "this weekday, later",
        "over the weekend",
        "the hour is skipped on that Sunday",
        "the hour comes twice: not a second time",
    ],
)
def test_next_local_time(zone: str, since: str, at: str, weekdays: tuple[int, ...], expected: str) -> None:
    found = next_local_time(utc(since), time.fromisoformat(at), ZoneInfo(zone), weekdays)
    assert found == utc(expected)


def test_a_weekday_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ValueError, match="no weekday"):
        next_local_time(utc("2026-03-02 10:00"), time(9), ZoneInfo("UTC"), (7,))


@pytest.mark.parametrize(
    "name",
    ["", "Nowhere/Land", "europe/berlin", "Europe", "../etc/passwd", "/etc/passwd", "a\0b", "\ud800", "x" * 5000, "tzdata.zi"],
)  # fmt: skip
def test_an_unknown_zone_never_stops_a_journey(name: str) -> None:
    assert zone_of(name).key == "UTC"


@given(zones, moments | near_switches, st.integers(0, 800))
def test_days_never_go_back(zone: ZoneInfo, since: datetime, days: int) -> None:
    later = add_days(since, days, zone)
    assert since <= later <= since + timedelta(days=days + 2)


@given(zones, moments | near_switches, st.times().map(lambda at: at.replace(second=0, microsecond=0)))
def test_the_next_local_time_is_ahead_and_within_two_days(zone: ZoneInfo, since: datetime, at: time) -> None:
    """Two, because a clock change may move this day's moment a little before now."""
    found = next_local_time(since, at, zone)
    assert since < found <= since + timedelta(hours=50)
    local = found.astimezone(zone).time()
    assert local == at or is_end_of_gap(found, zone)


def is_end_of_gap(moment: datetime, zone: ZoneInfo) -> bool:
    """Whether the clock jumps forward at this very second."""
    before = (moment - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None)
    return moment.astimezone(zone).replace(tzinfo=None) - before > timedelta(seconds=1)


@given(zones, near_switches)
def test_a_local_time_comes_back_as_it_is_or_at_the_end_of_its_gap(zone: ZoneInfo, moment: datetime) -> None:
    wall = moment.replace(tzinfo=None)
    found = resolve_local(wall, zone)
    assert found.astimezone(zone).replace(tzinfo=None) == wall or is_end_of_gap(found, zone)
