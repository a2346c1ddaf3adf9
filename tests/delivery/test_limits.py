"""Quiet hours and caps at the very moment of leaving, retries included; and senders that stand at the door together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import triggers
from tests.build import live_chain, make_contact, make_rule, make_template
from tests.delivery.conftest import QueueMessage
from triggers.core.words import say
from triggers.delivery.claim import claim
from triggers.delivery.retry import retry_messages
from triggers.delivery.send import deliver
from triggers.engine.turn import turn
from triggers.models import Contact, Message
from triggers.testing import database_clock, run_due
from triggers.transient import is_transient

pytestmark = pytest.mark.django_db

LANE = "email.marketing"
BERLIN = ZoneInfo("Europe/Berlin")
LETTER = ("letter", "send_email", {"template": "reminder"})


def night() -> datetime:
    """Three in the morning in Berlin, not long from now."""
    day = (timezone.now().astimezone(BERLIN) + timedelta(days=1)).date()
    return datetime(day.year, day.month, day.day, 3, tzinfo=BERLIN)


def words(message: Message) -> str:
    return say(message.reason, message.reason_data)


@pytest.fixture
def sleeper(db: None) -> Contact:
    return make_contact(900, time_zone="Europe/Berlin")


def test_what_was_kept_until_the_night_leaves_in_the_morning(
    queue_message: QueueMessage, sleeper: Contact
) -> None:
    """An outage that ends at three in the morning used to write to everybody then."""
    make_rule(quiet="22:00-08:00")
    message = queue_message(sleeper, expires_at=night() + timedelta(days=1), attempt=2)
    with database_clock(night()):
        deliver(LANE)
        message.refresh_from_db()
        assert (message.state, message.attempt) == ("queued", 2), "putting off is no attempt"
        assert message.send_after == night() + timedelta(hours=5)
        assert words(message).startswith("put off until ")
        assert words(message).endswith(": quiet hours")
    with database_clock(night() + timedelta(hours=5)):
        deliver(LANE)
    assert len(mail.outbox) == 1


def test_what_would_be_worthless_in_the_morning_ends(queue_message: QueueMessage, sleeper: Contact) -> None:
    make_rule(quiet="22:00-08:00")
    message = queue_message(sleeper, expires_at=night() + timedelta(hours=5))
    with database_clock(night()):
        deliver(LANE)
    message.refresh_from_db()
    assert message.state == "expired"
    assert words(message).startswith("it would be worthless by then: put off until ")


def test_the_chains_own_quiet_hours_hold_at_the_door_in_the_version_that_the_journey_is_in(
    sleeper: Contact,
) -> None:
    make_template()
    chain = live_chain([LETTER], quiet="02:00-04:00")
    with database_clock(night() - timedelta(hours=2)):
        triggers.capture("add_to_cart", contact=sleeper)
        turn(sleeper.shard)
    chain.quiet_from = chain.quiet_until = None
    chain.save()
    with database_clock(night()):
        deliver(LANE)
    assert Message.objects.get().send_after == night() + timedelta(hours=1)


def test_a_retry_by_hand_waits_for_the_morning_too(queue_message: QueueMessage, sleeper: Contact) -> None:
    make_rule(quiet="22:00-08:00")
    message = queue_message(sleeper, state="failed")
    with database_clock(night()):
        retry_messages([message.pk])
        deliver(LANE)
    message.refresh_from_db()
    assert (message.state, message.send_after) == ("queued", night() + timedelta(hours=5))


def test_a_cap_that_is_full_by_now_puts_off(queue_message: QueueMessage, sleeper: Contact) -> None:
    """On the way here a pause, a retry or a tighter rule came between."""
    make_rule((1, 24))
    now = timezone.now()
    queue_message(sleeper, state="accepted", sending_at=now - timedelta(hours=20))
    late = queue_message(sleeper, expires_at=now + timedelta(days=2))
    early = queue_message(sleeper, expires_at=now + timedelta(hours=1))
    deliver(LANE)
    late.refresh_from_db()
    early.refresh_from_db()
    assert (late.state, late.attempt) == ("queued", 0)
    assert abs(late.send_after - now - timedelta(hours=4)) < timedelta(minutes=1)
    assert words(late).endswith(": already 1 in 1 d")
    assert early.state == "expired"
    assert not mail.outbox


def test_other_contacts_channels_and_classes_do_not_count(
    queue_message: QueueMessage, sleeper: Contact
) -> None:
    make_rule((1, 24))
    lately = {"state": "accepted", "sending_at": timezone.now() - timedelta(hours=1)}
    queue_message(**lately)
    queue_message(sleeper, make_template("order", message_class="transactional"), **lately)
    queue_message(sleeper, make_template("code", channel="sms"), **lately)
    queue_message(sleeper)
    deliver(LANE)
    assert len(mail.outbox) == 1


def test_of_those_in_one_claim_the_first_in_line_leave(queue_message: QueueMessage, sleeper: Contact) -> None:
    make_rule((2, 24))
    messages = [queue_message(sleeper) for _ in range(4)]
    deliver(LANE)
    states = [Message.objects.get(pk=one.pk).state for one in messages]
    assert states == ["accepted", "accepted", "queued", "queued"]
    third = Message.objects.get(pk=messages[2].pk)
    assert words(third) == "waits for an earlier message to the same contact"
    with database_clock(timezone.now() + timedelta(minutes=2)):
        deliver(LANE)
    third.refresh_from_db()
    assert words(third).endswith(": already 2 in 1 d")


def test_who_may_not_leave_anyway_is_in_nobodys_way(queue_message: QueueMessage, sleeper: Contact) -> None:
    make_rule((1, 24))
    queue_message(sleeper, expires_at=timezone.now() - timedelta(seconds=1))
    queue_message(sleeper)
    deliver(LANE)
    assert len(mail.outbox) == 1


def test_an_older_one_that_is_held_is_in_the_way_until_it_is_worthless(
    queue_message: QueueMessage, sleeper: Contact
) -> None:
    """It may be let go at any moment: two of them at the door would both leave."""
    make_rule((1, 24))
    now = timezone.now()
    queue_message(sleeper, state="held", expires_at=now + timedelta(hours=1))
    message = queue_message(sleeper)
    deliver(LANE)
    message.refresh_from_db()
    assert message.state == "queued"
    with database_clock(now + timedelta(hours=1, minutes=11)):
        deliver(LANE)
    assert len(mail.outbox) == 1


def test_the_same_number_of_statements_for_one_and_for_ten(queue_message: QueueMessage) -> None:
    make_rule((3, 24), quiet="22:00-08:00")
    counts = []
    for size in (1, 5, 10):
        messages = [queue_message() for _ in range(size)]
        for message in messages:
            queue_message(message.contact, state="accepted", sending_at=timezone.now())
        with CaptureQueriesContext(connection) as queries:
            claim(LANE, 10)
        counts.append(len(queries))
    assert counts[0] == counts[1] == counts[2]


def together(*work: Callable[[], Any]) -> None:
    """Do it all at once, each in a thread and on a connection of its own; raises what one of them raised."""
    starting = threading.Barrier(len(work))
    errors: list[BaseException] = []

    def run(one: Callable[[], Any]) -> None:
        try:
            starting.wait(timeout=30)
            one()
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[one]) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)
    if errors:
        raise errors[0]


@pytest.mark.django_db(transaction=True)
def test_two_senders_at_once_never_exceed_a_cap(queue_message: QueueMessage) -> None:
    make_rule((2, 24))
    contacts = [make_contact(100 + number) for number in range(6)]
    for _time in range(5):
        for contact in contacts:
            queue_message(contact)
    together(*[lambda: deliver(LANE)] * 3)
    for contact in contacts:
        assert contact.messages.filter(state="accepted").count() == 2
    assert len(mail.outbox) == 2 * len(contacts)


@pytest.mark.only_on("postgres", "mariadb")
@pytest.mark.django_db(transaction=True)
def test_of_two_that_stand_at_the_door_at_the_same_moment_one_leaves(queue_message: QueueMessage) -> None:
    """Neither sender sees the other's mark, because neither has committed."""
    make_rule((1, 24))
    contact = make_contact(99)
    first, second = queue_message(contact), queue_message(contact)
    first_is_marked, second_is_done = threading.Event(), threading.Event()

    def one_sender() -> None:
        with transaction.atomic():
            assert [one.id for one in claim(LANE, 1).ready] == [first.pk]
            first_is_marked.set()
            assert second_is_done.wait(timeout=30)

    def another() -> None:
        assert first_is_marked.wait(timeout=30)
        try:
            assert not claim(LANE, 1).ready
        finally:
            second_is_done.set()

    together(one_sender, another)
    states = [Message.objects.get(pk=one.pk).state for one in (first, second)]
    assert states == ["sending", "queued"]


@pytest.mark.only_on("postgres", "mariadb")
@pytest.mark.django_db(transaction=True)
def test_what_a_sender_holds_this_moment_gives_way_to_nobody() -> None:
    make_template()
    make_rule((1, 24))
    live_chain([LETTER], key="Tips", event="sign_up")
    live_chain([LETTER], key="Cart", priority=5)
    contact = make_contact()
    triggers.capture("sign_up", contact=contact)
    turn(contact.shard)
    triggers.capture("add_to_cart", contact=contact)
    is_held, turn_is_done = threading.Event(), threading.Event()

    def sender() -> None:
        with transaction.atomic():
            assert len(claim(LANE, 1).ready) == 1
            is_held.set()
            assert turn_is_done.wait(timeout=30)

    def worker() -> None:
        assert is_held.wait(timeout=30)
        try:
            turn(contact.shard)
        finally:
            turn_is_done.set()

    together(sender, worker)
    assert Message.objects.get().state == "sending"


def work_through() -> None:
    """What `triggers_run` does: a round that met a deadlock is done again."""
    for _round in range(50):
        try:
            run_due()
        except DatabaseError as error:
            if not is_transient(error):
                raise
        else:
            return


@pytest.mark.django_db(transaction=True)
def test_two_workers_and_two_senders_never_exceed_a_cap() -> None:
    """Real workers on real connections: every contact is wanted by three chains, five times over."""
    make_template()
    make_rule((2, 24), (3, 168))
    for priority in range(3):
        live_chain([LETTER], key=f"chain-{priority}", priority=priority)
    contacts = [make_contact(number) for number in range(8)]
    for _time in range(5):
        for contact in contacts:
            triggers.capture("add_to_cart", contact=contact)
        together(work_through, work_through)
    work_through()
    for contact in contacts:
        assert contact.messages.filter(state="accepted").count() == 2
        assert contact.messages.filter(chain__priority=2, state="accepted").exists()
