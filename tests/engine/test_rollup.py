"""Purged events are counted by their days: what is asked about long windows has the answer that it had before."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.build import make_contact
from triggers.core.values import JourneyState
from triggers.engine import purge as module
from triggers.engine.event_counts import count_events
from triggers.engine.partitions import make_partitions
from triggers.engine.purge import purge
from triggers.engine.rollup import move_days, roll_up
from triggers.models import Contact, Event, EventDay
from triggers.testing import database_clock

pytestmark = pytest.mark.django_db

NOW = datetime(2031, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def keep_ten_days(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.TRIGGERS = {**settings.TRIGGERS, "RETENTION": {"events": 10}}
    monkeypatch.setattr(module, "SLICE", 3)


def record(contact: Contact, at: datetime, name: str = "purchase", **data: Any) -> Event:
    return Event.objects.create(contact=contact, name=name, occurred_at=at, recorded_at=at, data=data)


def purge_at(moment: datetime = NOW) -> int:
    with database_clock(moment):
        return purge().rows["events"]


def count(contact: Contact, days: int | None, now: datetime = NOW, **changes: Any) -> int:
    journey = JourneyState(1, contact.pk, "ask", now, 0, NOW - 900 * DAY)
    journey = msgspec.structs.replace(journey, **changes)
    question = ("purchase", days, (), bool(changes.get("object_ref")))
    return count_events({question: [journey]}, now)[question][1]


def sums() -> list[tuple[Any, ...]]:
    """What the days hold, of each its day of the month."""
    rows = EventDay.objects.order_by("contact", "name", "day", "currency")
    return [(one.day.day, one.currency, one.count, one.valued, one.total) for one in rows]


def test_the_whole_day_in_which_the_window_begins_counts() -> None:
    """NOW is noon, so 30 days before it the 21st of October is half over."""
    ann = make_contact(agrees=False)
    for hour in (1, 23):
        record(ann, datetime(2031, 10, 21, hour, tzinfo=UTC))
    record(ann, datetime(2031, 10, 20, 23, 59, tzinfo=UTC))
    assert count(ann, 30) == 1
    assert purge_at() == 3
    assert count(ann, 30) == 2
    assert count(ann, 29) == 0
    assert count(ann, 31) == 3


def test_a_day_that_is_purged_in_parts_adds_up() -> None:
    ann, bob = make_contact(1, agrees=False), make_contact(2, agrees=False)
    record(bob, NOW - 20 * DAY)
    record(ann, NOW - 20 * DAY, "login")
    for minute in range(10):
        record(ann, NOW - 20 * DAY + timedelta(minutes=minute))
    assert purge_at(NOW - 10 * DAY + timedelta(minutes=5)) == 7
    assert count(ann, 365) == 10
    assert purge_at() == 5
    assert (count(ann, 365), count(bob, 365), count(ann, 5)) == (10, 1, 0)
    assert EventDay.objects.count() == 3


def test_only_questions_of_days_ask_for_days() -> None:
    """What since a journey began, and what is about one object, is answered by the events that are kept for it."""
    ann = make_contact(agrees=False)
    record(ann, NOW - 20 * DAY)
    purge_at()
    assert count(ann, None) == 0
    assert count(ann, 365, object_ref="cart:1") == 0


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ([{"value": 10, "currency": "EUR"}, {"value": 2.5, "currency": "eur"}], ("EUR", 2, 2, "12.5")),
        ([{"value": "49.90", "currency": "EUR"}, {"currency": "EUR"}], ("EUR", 2, 1, "49.9")),
        ([{"value": 0.1 + 0.2}, {"value": -7}], ("", 2, 2, "-6.7")),
        ([{"value": "a lot", "currency": "euros"}, {"value": None}, {"value": True}], ("", 3, 0, "0")),
        ([{"value": [1]}, {"value": {"of": 2}, "currency": 978}, {"value": ""}], ("", 3, 0, "0")),
        ([{"value": 10**12}, {"value": "1e3"}, {"value": "inf"}, {"value": "1 2"}], ("", 4, 0, "0")),
        ([{"value": 999_999_999_999}] * 3, ("", 3, 3, "2999999999997")),
    ],
)
def test_values_are_added_where_they_are_numbers(
    data: list[dict[str, Any]], expected: tuple[Any, ...]
) -> None:
    ann = make_contact(agrees=False)
    for one in data:
        record(ann, NOW - 20 * DAY, **one)
    purge_at()
    currency, number, valued, total = expected
    assert sums() == [(31, currency, number, valued, Decimal(total))]


def test_currencies_are_not_added_to_each_other() -> None:
    ann = make_contact(agrees=False)
    for value, currency in ((10, "EUR"), (20, "USD"), (30, "EUR"), (5, "")):
        record(ann, NOW - 20 * DAY, value=value, currency=currency)
    purge_at()
    assert sums() == [(31, "", 1, 1, 5), (31, "EUR", 2, 2, 40), (31, "USD", 1, 1, 20)]
    assert count(ann, 365) == 4


def test_days_are_utc_wherever_the_shop_is(settings: Any) -> None:
    settings.TIME_ZONE = "Pacific/Auckland"
    ann = make_contact(agrees=False)
    record(ann, datetime(2031, 10, 21, 23, 30, tzinfo=UTC))
    purge_at()
    assert EventDay.objects.get().day == date(2031, 10, 21)


def test_days_move_to_another_contact_and_add_up_there() -> None:
    ann, bob = make_contact(1, agrees=False), make_contact(2, agrees=False)
    record(ann, NOW - 20 * DAY, value=1)
    record(ann, NOW - 21 * DAY, value=2)
    record(bob, NOW - 20 * DAY, value=4)
    purge_at()
    move_days(ann.pk, bob.pk)
    assert (count(ann, 365), count(bob, 365)) == (0, 3)
    assert sums() == [(30, "", 1, 1, 2), (31, "", 2, 2, 5)]
    bob.delete()
    assert not EventDay.objects.exists()


@pytest.mark.only_on("postgres", "mariadb")
@pytest.mark.django_db(transaction=True)
def test_an_event_that_another_purge_holds_is_not_counted_again() -> None:
    ann = make_contact(agrees=False)
    record(ann, NOW - 20 * DAY)
    found: list[int] = []

    def elsewhere() -> None:
        try:
            found.append(purge_at())
        finally:
            connection.close()

    with transaction.atomic():
        events = Event.objects.select_for_update()
        roll_up(Event.objects.filter(pk__in=[one.pk for one in events]))
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join(30)
        assert not thread.is_alive()
        Event.objects.all().delete()
    assert found == [0]
    assert count(ann, 365) == 1


@pytest.mark.only_on("postgres")
def test_a_month_that_is_dropped_whole_is_counted_by_its_days() -> None:
    make_partitions(NOW - 60 * DAY)
    ann = make_contact(agrees=False)
    for days in (70, 60, 60, 50, 5):
        record(ann, NOW - days * DAY, value=days)
    days_before = [count(ann, days) for days in (365, 65, 55)]
    assert purge_at() == 4
    assert f"triggers_event_{NOW - 60 * DAY:%Y_%m}" in make_partitions(NOW - 60 * DAY)
    assert [count(ann, days) for days in (365, 65, 55)] == days_before == [5, 4, 2]
    assert EventDay.objects.get(count=2).total == 120


HOURS = st.integers(0, 60 * 24)
HISTORIES = st.lists(st.tuples(st.integers(0, 1), st.sampled_from(["purchase", "login"]), HOURS), max_size=12)
PURGES = st.lists(HOURS.map(lambda hours: hours % (20 * 24)), max_size=4)


@given(history=HISTORIES, purges=PURGES, in_a_month=st.booleans())
@example(history=[(0, "purchase", 30 * 24 + 1)], purges=[0], in_a_month=False)
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_answers_are_those_without_a_purge(
    history: list[tuple[int, str, int]], purges: list[int], in_a_month: bool
) -> None:
    """At the most, what happened earlier on the day in which the window begins is counted too, and only once it is purged."""
    with transaction.atomic():
        people = [make_contact(number, agrees=False) for number in range(2)]
        if in_a_month:
            make_partitions(NOW - 62 * DAY)
        events = [
            (record(people[person], NOW - timedelta(hours=hours), name), person)
            for person, name, hours in history
        ]
        for hours in sorted(purges, reverse=True):
            purge_at(NOW - timedelta(hours=hours))
            check(people, events)
        transaction.set_rollback(True)


def check(people: list[Contact], events: list[tuple[Event, int]]) -> None:
    left = set(Event.objects.values_list("pk", flat=True))
    for days in (1, 9, 10, 11, 30, 45, 365):
        start = NOW - days * DAY
        day = start.replace(hour=0)
        truth, most, expected = Counter[int](), Counter[int](), Counter[int]()
        for event, person in events:
            if event.name == "purchase":
                truth[person] += event.recorded_at >= start
                most[person] += event.recorded_at >= day
                expected[person] += event.recorded_at >= (start if event.pk in left else day)
        for person, contact in enumerate(people):
            answer = count(contact, days)
            assert truth[person] <= answer <= most[person]
            assert answer == expected[person]
            if days <= 9:
                assert answer == truth[person]
