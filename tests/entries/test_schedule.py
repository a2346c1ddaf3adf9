"""On which days and at which moments a schedule comes due."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from tests.pure import utc
from triggers.core.words import say
from triggers.entries import entries
from triggers.entries.fanned import digest_of
from triggers.entries.recurrence import check_rule
from triggers.entries.schedule import ScheduleEntry, ScheduleForm
from triggers.entries.timed import occasions
from triggers.exceptions import InvalidConfig

ENTRY = ScheduleEntry()


def days(raw: dict[str, Any], first: str, last: str) -> list[str]:
    config = ENTRY.parse({"at": "10:00", **raw})
    walls = ENTRY.walls(config, datetime.fromisoformat(first), datetime.fromisoformat(last))
    return [wall.strftime("%m-%d") for wall in walls]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"every": "day"}, ["01-30", "01-31", "02-01", "02-02"]),
        ({"every": "week", "weekdays": [0, 5]}, ["01-31", "02-02"]),
        ({"every": "month"}, ["02-01"]),
        ({"every": "month", "month_day": 30}, ["01-30"]),
        ({"every": "month", "month_day": 31}, ["01-31"]),
        ({"every": "rule", "rule": "FREQ=WEEKLY;BYDAY=FR,MO"}, ["01-30", "02-02"]),
        ({"every": "rule", "rule": "FREQ=MONTHLY;BYDAY=-1FR"}, ["01-30"]),
        ({"every": "rule", "rule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", "starts": "2026-01-19"}, ["02-02"]),
        ({"every": "rule", "rule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", "starts": "2026-01-26"}, []),
        ({"every": "rule", "rule": "FREQ=DAILY;UNTIL=20260131"}, ["01-30", "01-31"]),
        (
            {"every": "rule", "rule": "FREQ=DAILY;COUNT=3", "starts": "2026-01-30"},
            ["01-30", "01-31", "02-01"],
        ),
    ],
)
def test_days(raw: dict[str, Any], expected: list[str]) -> None:
    assert days(raw, "2026-01-29 10:01", "2026-02-02 10:00") == expected


@pytest.mark.parametrize(
    ("day", "month", "expected"),
    [
        (31, 2, "02-28"),
        (30, 2, "02-28"),
        (29, 2, "02-28"),
        (31, 4, "04-30"),
        (30, 4, "04-30"),
        (29, 4, "04-29"),
    ],
)
def test_a_short_month_has_its_last_day_instead(day: int, month: int, expected: str) -> None:
    first, last = (
        f"2026-{month:02}-01",
        f"2026-{month:02}-28 23:59" if month == 2 else f"2026-{month:02}-30 23:59",
    )
    assert days({"every": "month", "month_day": day}, first, last) == [expected]


@pytest.mark.parametrize(
    ("at", "day", "zone", "expected"),
    [
        # The hour that summer time skips: right after the gap. The hour it repeats: the first time.
        ("02:30", date(2026, 3, 29), "Europe/Berlin", "2026-03-29 01:00"),
        ("02:30", date(2026, 10, 25), "Europe/Berlin", "2026-10-25 00:30"),
        ("00:30", date(2026, 3, 29), "Atlantic/Azores", "2026-03-29 01:00"),
        ("10:00", date(2026, 3, 29), "Pacific/Kiritimati", "2026-03-28 20:00"),
        ("10:00", date(2026, 3, 29), "America/New_York", "2026-03-29 14:00"),
        ("10:00", date(2026, 3, 29), "", "2026-03-29 07:00"),
        ("10:00", date(2026, 3, 29), "No/Such_Zone", "2026-03-29 10:00"),
        # Samoa had no 30 December 2011.
        ("10:00", date(2011, 12, 30), "Pacific/Apia", "2011-12-30 10:00"),
    ],
)
def test_moments(at: str, day: date, zone: str, expected: str) -> None:
    config = ENTRY.parse({"every": "day", "at": at})
    wall = datetime.combine(day, datetime.strptime(at, "%H:%M").time())
    (occasion,) = occasions(ENTRY, config, zone, [wall], "Europe/Moscow")
    assert (occasion.at, occasion.name) == (utc(expected), f"{day}T{at}")


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ("FREQ=SECONDLY", "daily or more slowly"),
        ("FREQ=MINUTELY;INTERVAL=5", "daily or more slowly"),
        ("freq=hourly", "daily or more slowly"),
        ("FREQ=DAILY;BYHOUR=9,10", "BYHOUR"),
        ("FREQ=DAILY;BYSECOND=1", "BYSECOND"),
        ("FREQ=FORTNIGHTLY", "FREQ"),
        ("", "no FREQ"),
        ("INTERVAL=2", "no FREQ"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ=DAILY cannot"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        ("FREQ=DAILY;INTERVAL=-1", "INTERVAL"),
        ("FREQ=DAILY;COUNT=99999999", "COUNT"),
        ("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", "never comes"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31", "never comes"),
        ("FREQ=MONTHLY;BYDAY=6MO", "never comes"),
        ("FREQ=YEARLY;INTERVAL=100;BYMONTH=2;BYMONTHDAY=29", "never comes"),
        ("FREQ=DAILY;BYMONTH=13", "never comes"),
        ("FREQ=DAILY;UNTIL=20269999", "cannot be read"),
        ("DTSTART:20260101\nFREQ=DAILY", "cannot be used"),
        ("FREQ=DAILY;BYDAY=" + "MO," * 100 + "MO", "200 characters"),
        ("FREQ=DAILY\0", "FREQ"),
    ],
)
def test_refused_rules_say_why(rule: str, named: str) -> None:
    starts = date(2026, 1, 1)
    with pytest.raises(ValueError, match=named):
        check_rule(rule, starts)
    with pytest.raises(InvalidConfig, match=named):
        ENTRY.parse({"every": "rule", "rule": rule, "at": "10:00", "starts": "2026-01-01"})
    form = ScheduleForm({"every": "rule", "rule": rule, "at": "10:00", "starts": "2026-01-01"})
    assert "rule" in form.errors


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        ({}, "every"),
        ({"every": "day"}, "at"),
        ({"every": "day", "at": "24:00"}, "at"),
        ({"every": "day", "at": "9:00"}, "at"),
        ({"every": "week", "at": "09:00"}, "which days"),
        ({"every": "week", "at": "09:00", "weekdays": [7]}, "weekdays"),
        ({"every": "month", "at": "09:00", "month_day": 32}, "month_day"),
        ({"every": "hour", "at": "09:00"}, "every"),
        ({"every": "day", "at": "09:00", "zone": "UTC"}, "zone"),
    ],
)
def test_refused_settings_are_named(raw: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidConfig, match=named):
        ENTRY.parse(raw)


@pytest.mark.parametrize(
    ("post", "sentence"),
    [
        ({"every": "day", "at": "08:05"}, "Every day at 08:05"),
        ({"every": "week", "weekdays": ["1", "4"], "at": "10:00"}, "Every week on Tuesday, Friday at 10:00"),
        ({"every": "month", "month_day": "31", "at": "10:00"}, "Every month on day 31 at 10:00"),
        (
            {"every": "rule", "rule": " freq=weekly;byday=tu ", "at": "10:00"},
            "By the rule FREQ=WEEKLY;BYDAY=TU at 10:00",
        ),
    ],
)
def test_the_form_gives_what_the_engine_reads(post: dict[str, Any], sentence: str) -> None:
    form = ScheduleForm(post)
    assert form.is_valid(), form.errors
    config = form.as_config()
    reason = ENTRY.describe(ENTRY.parse(config))
    assert say(reason.text, reason.data) == sentence
    again = ScheduleForm({**post, **ScheduleForm.initial_of(config)})
    assert again.is_valid(), again.errors
    assert again.as_config() == config


def test_what_belongs_to_another_choice_is_not_stored() -> None:
    form = ScheduleForm({"every": "day", "weekdays": ["1"], "month_day": "3", "rule": "x", "at": "10:00"})
    assert form.is_valid(), form.errors
    assert form.as_config() == {"every": "day", "at": "10:00"}


@pytest.mark.parametrize(
    ("post", "field"),
    [
        ({"every": "week", "at": "10:00"}, "weekdays"),
        ({"every": "month", "at": "10:00"}, "month_day"),
        ({"every": "day"}, "at"),
        ({"every": "day", "at": "25:00"}, "at"),
        ({"every": "day", "at": "10:00", "segment": "nobody"}, "segment"),
    ],
)
def test_the_form_says_what_is_wrong(post: dict[str, Any], field: str) -> None:
    assert field in ScheduleForm(post).errors


def test_equal_settings_are_one_trigger() -> None:
    one = ENTRY.parse({"every": "week", "weekdays": [1], "at": "10:00"})
    same = ENTRY.parse({"at": "10:00", "weekdays": [1], "every": "week", "segment": ""})
    other = ENTRY.parse({"every": "week", "weekdays": [1], "at": "10:01"})
    assert digest_of("schedule", one) == digest_of("schedule", same)
    assert len({digest_of("schedule", one), digest_of("schedule", other), digest_of("digest", one)}) == 3


def test_it_is_installed() -> None:
    assert isinstance(entries.get("schedule"), ScheduleEntry)
