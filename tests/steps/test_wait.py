"""The wait step: settings in, UTC moment out."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pure import NOW, decided, graph, journey, node, utc
from triggers.core.decide import decide
from triggers.core.words import say
from triggers.exceptions import InvalidConfig
from triggers.steps import steps
from triggers.steps.wait import WaitConfig, WaitForm, wait_until

WAIT = steps.get("wait")


@pytest.mark.parametrize(
    ("zone", "since", "config", "expected"),
    [
        ("UTC", "2026-03-02 12:00", {"amount": 90, "unit": "minutes"}, "2026-03-02 13:30"),
        ("Europe/Berlin", "2026-03-29 00:30", {"amount": 3, "unit": "hours"}, "2026-03-29 03:30"),
        ("Europe/Berlin", "2026-03-28 12:00", {"amount": 24, "unit": "hours"}, "2026-03-29 12:00"),
        ("Europe/Berlin", "2026-03-28 12:00", {"amount": 1, "unit": "days"}, "2026-03-29 11:00"),
        ("Europe/Berlin", "2026-10-20 12:00", {"amount": 1, "unit": "weeks"}, "2026-10-27 13:00"),
        ("America/New_York", "2026-03-07 07:30", {"amount": 1, "unit": "days"}, "2026-03-08 07:00"),
        ("UTC", "2026-01-31 12:00", {"amount": 1, "unit": "days"}, "2026-02-01 12:00"),
        ("UTC", "2028-02-29 12:00", {"amount": 366, "unit": "days"}, "2029-03-01 12:00"),
        (
            "Europe/Berlin",
            "2026-03-02 09:00",
            {"amount": 1, "unit": "days", "at": "09:00"},
            "2026-03-03 08:00",
        ),
        (
            "Europe/Berlin",
            "2026-03-02 23:30",
            {"amount": 1, "unit": "days", "at": "09:00"},
            "2026-03-04 08:00",
        ),
        (
            "Europe/Berlin",
            "2026-03-28 11:00",
            {"amount": 1, "unit": "days", "at": "02:30"},
            "2026-03-29 01:00",
        ),
        (
            "America/Havana",
            "2026-10-31 16:00",
            {"amount": 1, "unit": "days", "at": "00:30"},
            "2026-11-01 04:30",
        ),
        ("Asia/Beirut", "2026-10-23 15:00", {"amount": 1, "unit": "days", "at": "23:30"}, "2026-10-24 20:30"),
        ("UTC", "2026-03-02 12:00", {"amount": 3, "unit": "hours", "at": "14:00"}, "2026-03-03 14:00"),
        ("UTC", "2026-03-02 12:00", {"at": "12:00"}, "2026-03-03 12:00"),
        ("UTC", "2026-03-02 12:00", {"unit": "days", "at": "13:00"}, "2026-03-02 13:00"),
        ("Asia/Kolkata", "2026-03-02 12:00", {"at": "09:00", "weekdays": [4]}, "2026-03-06 03:30"),
        (
            "UTC",
            "2026-03-02 12:00",
            {"amount": 1, "unit": "weeks", "at": "09:00", "weekdays": [0]},
            "2026-03-09 09:00",
        ),
        (
            "UTC",
            "2026-03-02 12:00",
            {"amount": 2, "unit": "days", "at": "09:00", "weekdays": [2]},
            "2026-03-04 09:00",
        ),
        ("no/zone", "2026-03-02 12:00", {"at": "13:00"}, "2026-03-02 13:00"),
    ],
    ids=[
        "minutes",
        "hours are elapsed, whatever the clock does",
        "24 hours are not a day",
        "a day is wall clock",
        "a week over the end of daylight saving",
        "a day into a gap",
        "month end",
        "leap day",
        "days then at: that day's hour, though less than 24 hours on",
        "days then at: already the next day there",
        "days then at: the hour does not exist",
        "days then at: the hour comes twice",
        "days then at: late on the day whose last hour comes twice",
        "hours then at: already over, so tomorrow",
        "at this very moment",
        "an amount of nothing leaves the hour",
        "weekday and hour",
        "a week, and it is that weekday",
        "days, then on the very day they lead to",
        "unknown zone",
    ],
)
def test_moments(zone: str, since: str, config: dict[str, Any], expected: str) -> None:
    assert wait_until(WAIT.parse(config), utc(since), zone, 1.0) == utc(expected)


@pytest.mark.parametrize(
    ("config", "scale", "seconds"),
    [
        ({"amount": 1, "unit": "hours"}, 0.001, 3.6),
        ({"amount": 1, "unit": "days", "at": "09:00"}, 0.001, 86.4),
        ({"at": "09:00", "weekdays": [1]}, 0.001, 86.4),
        ({"amount": 2, "unit": "weeks"}, 0.5, 604_800),
    ],
)
def test_scaled_waits_are_elapsed_time(config: dict[str, Any], scale: float, seconds: float) -> None:
    assert wait_until(WAIT.parse(config), NOW, "Asia/Tokyo", scale) == NOW + timedelta(seconds=seconds)


def test_a_contact_who_moves_west_does_not_get_it_at_night() -> None:
    """The moment is worked out anew in the zone of today, from the moment at which the wait began."""
    chain = graph(node("a", "wait", {"amount": 1, "unit": "days", "at": "09:00"}))
    at_home = decided(decide(chain, journey(zone="America/Los_Angeles"), {}, NOW))
    nine_at_home, nine_there = utc("2026-03-03 17:00"), utc("2026-03-03 19:00")
    assert at_home.due_at == nine_at_home
    moved = journey(zone="America/Adak", since=at_home.since)
    again = decided(decide(chain, moved, {}, nine_at_home))
    assert (again.step, again.due_at) == ("a", nine_there)
    assert decided(decide(chain, moved, {}, nine_there)).due_at is None


configs = st.builds(
    WaitConfig,
    amount=st.integers(1, 1000),
    unit=st.sampled_from(("minutes", "hours", "days", "weeks")),
    at=st.none() | st.times().map(lambda at: f"{at:%H:%M}"),
) | st.builds(
    WaitConfig,
    at=st.times().map(lambda at: f"{at:%H:%M}"),
    weekdays=st.lists(st.integers(0, 6), unique=True).map(tuple),
)
moments = st.datetimes(datetime(1975, 1, 1), datetime(2075, 1, 1), timezones=st.just(UTC))
all_zones = st.sampled_from(sorted(available_timezones()))


@given(configs, moments, all_zones)
def test_no_wait_ends_before_it_begins(config: WaitConfig, since: datetime, zone: str) -> None:
    until = wait_until(config, since, zone, 1.0)
    assert until >= since
    assert until.utcoffset() == timedelta(0)


@given(configs, moments, all_zones)
def test_weekdays_are_the_contacts(config: WaitConfig, since: datetime, zone: str) -> None:
    until = wait_until(config, since, zone, 1.0).astimezone(ZoneInfo(zone))
    skipped_to_next_day = f"{until:%H:%M}" != config.at
    assert not config.weekdays or until.weekday() in config.weekdays or skipped_to_next_day


def test_every_zone_there_is_over_a_whole_year() -> None:
    """Each zone through its clock changes, at the hours at which clocks are changed."""
    for zone in sorted(available_timezones()):
        for at in ("00:00", "02:30"):
            config = WaitConfig(amount=1, unit="days", at=at)
            since = datetime(2026, 1, 1, 12, tzinfo=UTC)
            for _day in range(0, 365, 5):
                until = wait_until(config, since, zone, 1.0)
                assert since < until <= since + timedelta(hours=50), (zone, since)
                since += timedelta(days=5)


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        ({}, "length or a time of day"),
        ({"amount": 0}, "length or a time of day"),
        ({"amount": -1}, "amount"),
        ({"amount": 10_001}, "amount"),
        ({"amount": "3"}, "amount"),
        ({"amount": 1.5}, "amount"),
        ({"amount": 1, "unit": "months"}, "unit"),
        ({"amount": 1, "at": "24:00"}, "at"),
        ({"amount": 1, "at": "9:00"}, "at"),
        ({"amount": 1, "weekdays": [0]}, "time of day"),
        ({"at": "09:00", "weekdays": [7]}, "weekdays"),
        ({"amount": 1, "speed": 2}, "speed"),
    ],
)
def test_refused_settings_are_named(raw: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidConfig, match=named):
        WAIT.parse(raw)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"amount": 3}, "Wait 3 h"),
        ({"at": "09:00"}, "Wait until 09:00"),
        ({"amount": 2, "unit": "days", "at": "09:00"}, "Wait 2 d, then until 09:00"),
        ({"at": "09:00", "weekdays": [0, 4]}, "Wait until 09:00 on Monday, Friday"),
        (
            {"amount": 1, "unit": "weeks", "at": "09:00", "weekdays": [6]},
            "Wait 1 wk, then until 09:00 on Sunday",
        ),
    ],
)
def test_the_card(config: dict[str, Any], sentence: str) -> None:
    reason = WAIT.describe(WAIT.parse(config))
    assert say(reason.text, reason.data) == sentence


@pytest.mark.parametrize(
    ("post", "config"),
    [
        ({"amount": "3", "unit": "hours"}, {"amount": 3, "unit": "hours"}),
        ({"amount": "0", "unit": "hours", "at": "07:05"}, {"amount": 0, "unit": "hours", "at": "07:05"}),
        (
            {"amount": "1", "unit": "days", "at": "09:00", "weekdays": ["6", "0"]},
            {"amount": 1, "unit": "days", "at": "09:00", "weekdays": [0, 6]},
        ),
    ],
)
def test_the_form_gives_what_the_engine_reads(post: dict[str, Any], config: dict[str, Any]) -> None:
    form = WaitForm(post)
    assert form.is_valid(), form.errors
    assert form.as_config() == config
    WAIT.parse(config)
    assert WaitForm.initial_of(config).get("weekdays", []) == [str(day) for day in config.get("weekdays", ())]


@pytest.mark.parametrize(
    ("post", "field"),
    [
        ({"amount": "0", "unit": "hours"}, "__all__"),
        ({"amount": "1", "unit": "hours", "weekdays": ["1"]}, "at"),
        ({"amount": "1", "unit": "years"}, "unit"),
        ({"amount": "99999", "unit": "hours"}, "amount"),
    ],
)
def test_the_form_says_what_is_missing(post: dict[str, Any], field: str) -> None:
    assert field in WaitForm(post).errors


def test_the_reason_holds_the_moment_for_the_readers_zone() -> None:
    decision = decided(decide(graph(node("a", "wait", {"amount": 1})), journey(), {}, NOW))
    shown = say(decision.moves[0].reason.text, decision.moves[0].reason.data, ZoneInfo("Asia/Tokyo"))
    assert "10 p.m." in shown
    assert date(2026, 3, 2).strftime("%B") in shown
