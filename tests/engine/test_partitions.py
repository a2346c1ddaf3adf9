"""Months of events and transitions as pieces of their tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

import triggers
from tests.build import live_chain, make_contact
from triggers.engine.partitions import drop_partitions, is_partitioned, make_partitions
from triggers.models import Event, PendingEvent, Transition
from triggers.testing import run_due

pytestmark = pytest.mark.django_db

NOW = datetime(2031, 11, 30, 23, 59, tzinfo=UTC)
on_postgres = pytest.mark.only_on("postgres")


def an_event(at: datetime) -> Event:
    return Event.objects.create(
        contact=make_contact(agrees=False), name="page_view", occurred_at=at, recorded_at=at
    )


def piece_of(event: Event) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM triggers_event WHERE id = %s", [event.pk])
        name: str = cursor.fetchone()[0]
        return name


@on_postgres
def test_this_month_and_three_more_are_made_once() -> None:
    names = [f"triggers_event_{month}" for month in ("2031_11", "2031_12", "2032_01", "2032_02")]
    made = make_partitions(NOW)
    assert [name for name in made if "event" in name] == names
    assert len(made) == 8
    assert make_partitions(NOW) == []
    assert make_partitions(NOW + timedelta(minutes=2)) == [
        "triggers_event_2032_03",
        "triggers_transition_2032_03",
    ]


@on_postgres
def test_rows_go_into_their_month() -> None:
    make_partitions(NOW)
    last, first = (
        an_event(NOW),
        Event.objects.create(
            contact_id=1, name="login", occurred_at=NOW, recorded_at=NOW + timedelta(minutes=1)
        ),
    )
    assert (piece_of(last), piece_of(first)) == ("triggers_event_2031_11", "triggers_event_2031_12")


@on_postgres
def test_what_came_before_its_month_was_made_is_taken_over() -> None:
    event = an_event(NOW)
    assert piece_of(event) == "triggers_event_default"
    make_partitions(NOW)
    assert piece_of(event) == "triggers_event_2031_11"
    assert Event.objects.get() == event


@on_postgres
def test_a_month_is_dropped_when_all_of_it_is_old() -> None:
    make_partitions(NOW)
    event = an_event(NOW)
    assert drop_partitions(Event, datetime(2031, 12, 1, tzinfo=UTC) - timedelta(seconds=1)) == []
    assert Event.objects.filter(pk=event.pk).exists()
    assert drop_partitions(Event, datetime(2031, 12, 1, tzinfo=UTC)) == ["triggers_event_2031_11"]
    assert not Event.objects.exists()


@on_postgres
def test_a_month_with_a_pending_event_stays() -> None:
    make_partitions(NOW)
    PendingEvent.objects.create(event=an_event(NOW), shard=1, is_set_aside=True)
    assert drop_partitions(Event, NOW + timedelta(days=400)) == [
        "triggers_event_2031_12",
        "triggers_event_2032_01",
        "triggers_event_2032_02",
    ]
    assert Event.objects.exists()


@on_postgres
def test_the_pieces_have_every_index_of_their_models() -> None:
    for model in (Event, Transition):
        with connection.cursor() as cursor:
            found = connection.introspection.get_constraints(cursor, model._meta.db_table)
        declared = {one.name for one in (*model._meta.indexes, *model._meta.constraints)}
        assert declared <= set(found)


def test_a_journey_is_written_and_read_in_pieces_and_without() -> None:
    live_chain([("bye", "exit", {})])
    contact = make_contact()
    triggers.capture("add_to_cart", contact=contact)
    run_due()
    assert contact.journeys.get().transitions.count() == 2
    assert is_partitioned(Event) == (connection.vendor == "postgresql")


@pytest.mark.only_on("sqlite", "mariadb")
def test_elsewhere_there_is_nothing_to_make_or_drop() -> None:
    an_event(NOW)
    assert make_partitions(NOW) == []
    assert drop_partitions(Event, NOW + timedelta(days=400)) == []
    assert Event.objects.exists()
