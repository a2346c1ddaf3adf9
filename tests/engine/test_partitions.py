"""Months of events and transitions as pieces of their tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

import triggers
from tests.build import live_chain, make_contact
from triggers.engine.partitions import drop_months, is_partitioned, make_partitions
from triggers.engine.purge import purge
from triggers.models import Event, Transition
from triggers.testing import run_due

pytestmark = pytest.mark.django_db

NOW = datetime(2031, 11, 30, 23, 59, tzinfo=UTC)
# For a test that commits: its pieces stay.
LATER = NOW.replace(year=2041)
INSERT = """INSERT INTO triggers_event (uid, contact_id, name, occurred_at, recorded_at, data, object_ref)
VALUES (gen_random_uuid(), 1, 'login', %s, %s, '{}', '')"""
on_postgres = pytest.mark.only_on("postgres")


def an_event(at: datetime) -> Event:
    return Event.objects.create(
        contact=make_contact(agrees=False), name="page_view", occurred_at=at, recorded_at=at
    )


@contextmanager
def other_connection() -> Iterator[Any]:
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            yield cursor
    finally:
        other.close()


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
    event, none = an_event(NOW), Event.objects.none()
    assert list(drop_months(none, datetime(2031, 12, 1, tzinfo=UTC) - timedelta(seconds=1))) == []
    assert Event.objects.filter(pk=event.pk).exists()
    assert list(drop_months(none, datetime(2031, 12, 1, tzinfo=UTC))) == [1]
    assert not Event.objects.exists()
    assert list(drop_months(none, datetime(2031, 12, 1, tzinfo=UTC))) == []


@on_postgres
def test_a_month_of_which_something_is_needed_stays() -> None:
    make_partitions(NOW)
    an_event(NOW)
    assert list(drop_months(Event.objects.all(), NOW + timedelta(days=400))) == [0, 0, 0]
    assert Event.objects.exists()


@on_postgres
@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_a_table_that_is_in_use() -> None:
    """Who inserts behind a waiting ALTER TABLE would wait for as long as it does."""
    with other_connection() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("LOCK TABLE triggers_event IN SHARE UPDATE EXCLUSIVE MODE")
        assert {name.rsplit("_", 2)[0] for name in make_partitions(LATER)} == {"triggers_transition"}
        cursor.execute("ROLLBACK")
    assert {name.rsplit("_", 2)[0] for name in make_partitions(LATER)} == {"triggers_event"}


@on_postgres
@pytest.mark.django_db(transaction=True)
def test_nothing_comes_into_the_default_piece_while_a_month_is_taken_out_of_it() -> None:
    """A row committed there between the move and the attaching used to end the minute's work with an error."""
    moment = LATER.replace(year=2051)
    an_event(moment)

    def insert_before(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "ATTACH PARTITION triggers_event_2051_11" in sql:
            with pytest.raises(OperationalError, match="lock timeout"):
                cursor.execute(INSERT, [moment, moment])
        return execute(sql, params, many, context)

    with other_connection() as cursor, connection.execute_wrapper(insert_before):
        cursor.execute("SET lock_timeout = '1ms'")
        assert "triggers_event_2051_11" in make_partitions(moment)
        cursor.execute(INSERT, [moment, moment])
    assert {piece_of(event) for event in Event.objects.all()} == {"triggers_event_2051_11"}
    assert Event.objects.count() == 2


@on_postgres
def test_a_role_that_may_not_make_tables_goes_on_with_the_default_piece(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """`triggers_run` used to end here before it had done any work."""
    with connection.cursor() as cursor:
        cursor.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        cursor.execute("SET ROLE pg_write_all_data")
        try:
            assert make_partitions(NOW) == []
        finally:
            cursor.execute("RESET ROLE")
    assert "partition.failed piece=triggers_event_2031_11 why=permission denied" in caplog.text
    assert piece_of(an_event(NOW)) == "triggers_event_default"


@on_postgres
def test_purging_drops_months_whole_and_counts_their_rows(settings: Any) -> None:
    settings.TRIGGERS = {**settings.TRIGGERS, "RETENTION": {"events": 30, "journeys": 30}}
    long_ago = timezone.now() - timedelta(days=100)
    make_partitions(long_ago)
    an_event(long_ago)
    kept = Event.objects.create(contact_id=1, name="login", occurred_at=long_ago, recorded_at=timezone.now())
    assert purge().rows["events"] == 1
    assert Event.objects.get() == kept
    assert f"triggers_event_{long_ago:%Y_%m}" in make_partitions(long_ago)


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
    assert list(drop_months(Event.objects.none(), NOW + timedelta(days=400))) == []
    assert Event.objects.exists()
