"""The shop's transaction and ours are one: both or none, and ours never breaks the shop's."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

import triggers
from tests.build import make_contact
from tests.host.models import Depot
from tests.rollback import rolled_back
from triggers.models import Contact, Event, Heartbeat, PendingEvent
from triggers.signals import event_captured

pytestmark = pytest.mark.django_db(transaction=True)


def broken_query(*args: Any, **kwargs: Any) -> None:
    """A statement that the database refuses: on PostgreSQL it ends the transaction unless a savepoint holds it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT gone FROM no_such_table")


def test_a_rolled_back_transaction_leaves_no_event() -> None:
    with rolled_back():
        assert triggers.capture("purchase", contact="ann@example.com") is not None
    assert not Event.objects.exists()
    assert not PendingEvent.objects.exists()
    assert not Contact.objects.exists()


def test_a_rolled_back_savepoint_takes_its_events_along() -> None:
    with transaction.atomic():
        triggers.capture("begin_checkout", contact="ann@example.com")
        with rolled_back():
            triggers.capture("purchase", contact="ann@example.com")
    assert Event.objects.get().name == "begin_checkout"
    assert PendingEvent.objects.count() == 1


@pytest.mark.parametrize("place", ["contact_for", "record_event"])
def test_a_database_error_of_ours_leaves_the_order_where_it_is(place: str) -> None:
    with transaction.atomic():
        Depot.objects.create(name="order 1")
        with patch(f"triggers.capturing.{place}", broken_query):
            assert triggers.capture("purchase", contact="ann@example.com") is None
        Depot.objects.create(name="order 2")
    assert Depot.objects.count() == 2
    assert not Event.objects.exists()
    assert not Contact.objects.exists()


def test_the_second_insert_failing_takes_the_first_along() -> None:
    with transaction.atomic():
        Depot.objects.create(name="order")
        with patch.object(PendingEvent, "save", broken_query):
            assert triggers.capture("purchase", contact="ann@example.com") is None
    assert Depot.objects.exists()
    assert not Event.objects.exists()


def test_a_listener_that_breaks_the_database_does_not_break_the_order() -> None:
    event_captured.connect(broken_query)
    try:
        with transaction.atomic():
            assert triggers.capture("purchase", contact="ann@example.com") is not None
            Depot.objects.create(name="order")
    finally:
        event_captured.disconnect(broken_query)
    assert Depot.objects.exists()
    assert Event.objects.exists()
    assert PendingEvent.objects.exists()


def test_in_a_transaction_that_is_lost_already_nothing_new_goes_wrong() -> None:
    with transaction.atomic():
        Depot.objects.create(name="order")
        transaction.set_rollback(True)
        assert triggers.capture("purchase", contact="ann@example.com") is None
    assert not Depot.objects.exists()
    assert not Event.objects.exists()


def test_failures_are_counted_after_the_commit() -> None:
    """All failures share one row: counted at once, its lock would make every checkout wait for the one before it."""
    with transaction.atomic():
        triggers.capture("Bad Name", contact="ann@example.com")
        assert not Heartbeat.objects.exists()
    assert Heartbeat.objects.get().count == 1


def test_a_counter_that_fails_is_not_the_shops_problem() -> None:
    with patch("triggers.capturing.beat", broken_query), transaction.atomic():
        triggers.capture("Bad Name", contact="ann@example.com")
        Depot.objects.create(name="order")
    with patch("triggers.capturing.beat", broken_query):
        assert triggers.capture("Bad Name", contact="ann@example.com") is None
    assert Depot.objects.exists()


def test_a_contact_that_was_rolled_back_is_not_remembered() -> None:
    """Its id goes to the next person, who used to get this user's events."""
    User.objects.bulk_create([User(username="ann", email="ann@example.com")])
    user = User.objects.get()
    triggers.capture("view_item", contact=user, data={"x": b""})
    with rolled_back():
        triggers.capture("view_item", contact=user)
    other = make_contact(2, agrees=False)
    event = triggers.capture("view_item", contact=user)
    assert event is not None
    assert event.contact != other
    assert Event.objects.select_related("contact").get().contact.email == "ann@example.com"
