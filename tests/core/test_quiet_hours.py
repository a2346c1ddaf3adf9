"""The first moment outside quiet hours: past midnight, on days with 23 and 25 hours, with one window and with two."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pure import utc
from triggers.core.schedule import QuietHours, after_quiet, leave_no_time, quiet_hours

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = (
    *("UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe"),
    *("Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca"),
)


def window(text: str) -> QuietHours:
    """The window written as `22:00-08:00`."""
    start, _dash, end = text.partition("-")
    return QuietHours(time.fromisoformat(start), time.fromisoformat(end))


@pytest.mark.parametrize(
    ("windows", "moment", "expected"),
    [
        # In January Berlin is an hour ahead.
        (["22:00-08:00"], "2026-01-10 12:00", "2026-01-10 12:00"),
        (["22:00-08:00"], "2026-01-10 20:59", "2026-01-10 20:59"),
        (["22:00-08:00"], "2026-01-10 21:00", "2026-01-11 07:00"),
        (["22:00-08:00"], "2026-01-10 22:59", "2026-01-11 07:00"),
        (["22:00-08:00"], "2026-01-10 23:00", "2026-01-11 07:00"),
        (["22:00-08:00"], "2026-01-11 06:59", "2026-01-11 07:00"),
        (["22:00-08:00"], "2026-01-11 07:00", "2026-01-11 07:00"),
        (["13:00-15:00"], "2026-01-10 12:30", "2026-01-10 14:00"),
        (["00:00-23:59"], "2026-01-10 12:00", "2026-01-10 22:59"),
        (["00:00-23:59"], "2026-01-10 22:59", "2026-01-10 22:59"),
        (["23:59-00:00"], "2026-01-10 22:59", "2026-01-10 23:00"),
        # Two that meet, and two that overlap, are one long one.
        (["22:00-08:00", "08:00-12:00"], "2026-01-10 22:00", "2026-01-11 11:00"),
        (["06:00-09:00", "22:00-08:00"], "2026-01-10 22:00", "2026-01-11 08:00"),
        (["08:00-21:59", "22:00-08:00"], "2026-01-10 22:00", "2026-01-11 20:59"),
        # The clock goes from 02:00 to 03:00: half past two is three o'clock.
        (["22:00-02:30"], "2026-03-28 23:00", "2026-03-29 01:00"),
        (["22:00-08:00"], "2026-03-28 23:00", "2026-03-29 06:00"),
        (["02:00-03:00"], "2026-03-29 00:59", "2026-03-29 00:59"),
        (["02:00-03:00"], "2026-03-29 01:00", "2026-03-29 01:00"),
        # The clock goes from 03:00 back to 02:00: half past two comes twice, and so does what ends then.
        (["22:00-02:30"], "2026-10-24 22:00", "2026-10-25 00:30"),
        (["22:00-02:30"], "2026-10-25 00:45", "2026-10-25 00:45"),
        (["22:00-02:30"], "2026-10-25 01:10", "2026-10-25 01:30"),
        (["22:00-08:00"], "2026-10-24 22:00", "2026-10-25 07:00"),
        # Together they leave no time of day: the second does not count.
        (["08:00-22:00", "22:00-08:00"], "2026-01-10 12:00", "2026-01-10 21:00"),
        ([], "2026-01-10 23:00", "2026-01-10 23:00"),
    ],
)
def test_in_berlin(windows: list[str], moment: str, expected: str) -> None:
    found = after_quiet(utc(moment), [window(one) for one in windows], BERLIN)
    assert found == utc(expected)


def test_a_day_that_a_country_left_out() -> None:
    """Apia had no 30 December 2011: the night of the 29th ends on the 31st."""
    apia = ZoneInfo("Pacific/Apia")
    late = datetime(2011, 12, 29, 23, tzinfo=apia).astimezone(UTC)
    assert after_quiet(late, [window("22:00-08:00")], apia) == datetime(2011, 12, 31, 8, tzinfo=apia)


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        ([], False),
        (["00:00-23:59"], False),
        (["08:00-20:00", "20:00-08:00"], True),
        (["08:00-20:01", "20:00-08:00"], True),
        (["08:00-20:00", "20:01-08:00"], False),
        (["00:00-12:00", "12:00-00:00"], True),
        (["08:00-16:00", "16:00-00:00", "00:00-08:00"], True),
        (["08:00-16:00", "16:00-00:00", "00:00-07:59"], False),
    ],
)
def test_windows_that_leave_no_time(windows: list[str], expected: bool) -> None:
    assert leave_no_time([window(one) for one in windows]) is expected


def test_a_window_without_length_is_none() -> None:
    eight = time(8)
    assert quiet_hours(eight, eight) is quiet_hours(None, eight) is quiet_hours(eight, None) is None
    assert quiet_hours(time(22), eight) == window("22:00-08:00")


clock_times = st.times().map(lambda at: at.replace(microsecond=0))
some_windows = st.lists(
    st.tuples(clock_times, clock_times)
    .filter(lambda pair: pair[0] != pair[1])
    .map(lambda pair: QuietHours(*pair)),
    max_size=3,
)
moments = st.datetimes(datetime(2010, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


@given(moments, some_windows, st.sampled_from(ZONES), st.floats(0, 1))
def test_it_is_the_first_moment_that_is_not_quiet(
    moment: datetime, windows: list[QuietHours], zone_name: str, share: float
) -> None:
    zone = ZoneInfo(zone_name)
    found = after_quiet(moment, windows, zone)
    assert found >= moment
    assert after_quiet(found, windows, zone) == found
    if leave_no_time(windows):
        return

    def is_quiet(at: datetime) -> bool:
        return any(one.holds(at.astimezone(zone).time()) for one in windows)

    assert not is_quiet(found)
    assert found - moment < timedelta(days=3)
    between = moment + (found - moment) * share
    assert between >= found or is_quiet(between)
