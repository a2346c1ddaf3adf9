"""Two real workers, and one that is killed: nobody is forgotten, nothing happens twice."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.models import Count

import triggers
from tests.build import live_chain, make_contact, make_template
from tests.processes import manage, running, wait_for
from triggers.engine.turn import turn
from triggers.models import EntryLedger, Journey, Message, PendingEvent, Transition

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = 120
LOCK_TIMEOUT = {"postgresql": "SET lock_timeout = '1s'", "mysql": "SET innodb_lock_wait_timeout = 1"}
CHAIN = [
    ("first", "send_email", {"template": "reminder"}),
    ("tag", "change_contact", {"add_tags": ["seen"]}),
    ("second", "send_sms", {"template": "code"}),
]


@pytest.fixture
def everybody() -> None:
    make_template()
    make_template("code", channel="sms")
    live_chain(CHAIN)
    for number in range(PEOPLE):
        triggers.capture("add_to_cart", contact=make_contact(number))


def assert_books_balance() -> None:
    assert not PendingEvent.objects.exists()
    assert Journey.objects.filter(status="finished").count() == PEOPLE
    assert EntryLedger.objects.count() == PEOPLE
    # Entered, letter, tag, text, end: once each for everybody.
    assert Transition.objects.count() == 5 * PEOPLE
    each = Message.objects.values("journey", "step").annotate(times=Count("pk"))
    assert len(each) == 2 * PEOPLE
    assert {one["times"] for one in each} == {1}


def test_two_workers_share_the_work(everybody: None, child_environment: dict[str, str]) -> None:
    workers = [manage("triggers_run", "--once", env=child_environment) for _ in range(2)]
    for worker in workers:
        output, _ = worker.communicate(timeout=120)
        assert worker.returncode == 0, output
    # Both look at the same moment; what one held when the other looked is done by a third look.
    final = manage("triggers_run", "--once", env=child_environment)
    output, _ = final.communicate(timeout=120)
    assert final.returncode == 0, output
    assert_books_balance()
    assert set(Message.objects.values_list("state", flat=True)) == {"accepted"}


def test_a_killed_worker_loses_and_repeats_nothing(
    everybody: None, child_environment: dict[str, str]
) -> None:
    with running(manage("triggers_run", env=child_environment)) as worker:
        wait_for(lambda: Message.objects.exclude(state="queued").exists(), "no letter left")
        worker.kill()
        worker.wait()
    second = manage("triggers_run", "--once", env=child_environment)
    output, _ = second.communicate(timeout=120)
    assert second.returncode == 0, output
    assert_books_balance()
    # What the killed sender held cannot be known; it is at most what it may hold, and it is not sent again.
    in_doubt = Message.objects.filter(state__in=["sending", "unknown"]).count()
    assert in_doubt <= 10
    assert Message.objects.filter(state="accepted").count() == 2 * PEOPLE - in_doubt


def test_a_worker_that_is_asked_to_stop_stops(child_environment: dict[str, str]) -> None:
    from triggers.models import Heartbeat

    with running(manage("triggers_run", env=child_environment)) as worker:
        wait_for(lambda: Heartbeat.objects.filter(pk="tick").exists(), "the worker never looked for work")
        worker.terminate()
        output, _ = worker.communicate(timeout=30)
        assert worker.returncode == 0
        assert "events, steps and messages" in output


@pytest.mark.only_on("postgres", "mariadb")
def test_a_turn_waits_for_no_event_that_the_shop_has_not_committed() -> None:
    """On MariaDB it used to read all of a small table to delete its own events, and to deadlock over those of others."""
    live_chain([("bye", "exit", {})])
    people = [make_contact(number) for number in range(8)]
    for contact in people:
        triggers.capture("add_to_cart", contact=contact)
    shop = connection.copy()
    try:
        with shop.cursor() as cursor:
            shop.set_autocommit(False)
            cursor.execute(
                "INSERT INTO triggers_pendingevent (event_id, shard, error, is_set_aside) VALUES (1000000, 63, '', false)"
            )
            with connection.cursor() as ours:
                ours.execute(LOCK_TIMEOUT[connection.vendor])
            turn(*{contact.shard for contact in people})
            assert not PendingEvent.objects.exists()
    finally:
        shop.close()
        connection.close()
