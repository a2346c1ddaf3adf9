"""A message that may have been sent and waits to be sent again: nothing that happens to it says that it was not sent."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

import triggers
from tests.build import live_chain, make_contact, make_rule, make_template
from tests.delivery.conftest import QueueMessage
from triggers.control import pause_everything, resume_everything
from triggers.core.words import say
from triggers.delivery.claim import claim
from triggers.delivery.expire import expire_overdue
from triggers.delivery.lane import Admission
from triggers.delivery.outcome import Outcome
from triggers.delivery.record import settle
from triggers.delivery.retry import cancel_messages
from triggers.delivery.send import deliver
from triggers.delivery.tally import Tally
from triggers.delivery.unknown import send_unknown_again
from triggers.engine.turn import turn
from triggers.models import ChainDay, Contact, Message, PendingEvent

pytestmark = pytest.mark.django_db

LANE, TRANSACTIONAL = "email.marketing", "email.transactional"
HOUR = timedelta(hours=1)
LETTER = ("letter", "send_email", {"template": "reminder"})


@pytest.fixture
def queue_again(queue_message: QueueMessage) -> QueueMessage:
    """Makes messages whose first attempt was an hour ago and may have arrived, and that wait for the second."""

    def queue(contact: Contact | None = None, *args: object, **fields: object) -> Message:
        then = timezone.now() - HOUR
        doubt = {"unknown_since": then, "sending_at": then, "attempt": 1, "resends": 1}
        return queue_message(contact, *args, **(doubt | fields))

    return queue


def words(message: Message) -> str:
    return say(message.reason, message.reason_data)


def expire(message: Message) -> None:
    Message.objects.update(expires_at=timezone.now() - HOUR)
    assert expire_overdue() == 1


def cancel(message: Message) -> None:
    assert cancel_messages([message.pk]) == 1


def refuse(message: Message) -> None:
    taken = claim(TRANSACTIONAL, 1).ready
    tally = Tally(TRANSACTIONAL)
    settle([(taken[0], Outcome("refused", detail="550 no"), Admission(1))], tally)
    tally.write()


@pytest.mark.parametrize(
    ("end", "why"),
    [
        (expire, "it became worthless before it could leave"),
        (cancel, "cancelled by a person"),
        (refuse, "the provider refused it: 550 no"),
    ],
)
def test_its_end_stays_unknown_and_says_what_stopped_it(
    queue_again: QueueMessage, end: Callable[[Message], None], why: str
) -> None:
    chain = live_chain([("bye", "exit", {})])
    message = queue_again(None, make_template("thanks", message_class="transactional"), chain=chain)
    since = message.unknown_since
    end(message)
    message.refresh_from_db()
    assert (message.state, message.lease_until, message.unknown_since) == ("unknown", None, since)
    assert words(message) == f"it may have been sent, and is not sent again: {why}"
    assert not ChainDay.objects.filter(failed__gt=0).exists()


def test_those_beside_it_that_never_left_end_as_ever(
    queue_again: QueueMessage, queue_message: QueueMessage
) -> None:
    both = [queue_again(state="held", lease_until=timezone.now()), queue_message()]
    assert cancel_messages([message.pk for message in both]) == 2
    assert list(Message.objects.order_by("pk").values_list("state", flat=True)) == ["unknown", "cancelled"]


def test_nothing_is_queued_again_while_everything_is_paused(queue_again: QueueMessage) -> None:
    message = queue_again(state="unknown", lease_until=timezone.now() - HOUR)
    pause_everything()
    assert send_unknown_again() == 0
    message.refresh_from_db()
    assert message.state == "unknown"
    resume_everything()
    assert send_unknown_again() == 1


def test_it_gives_way_to_nobody(queue_again: QueueMessage) -> None:
    """It ended as "gave way", and the more important letter went out beside the copy that may have arrived."""
    make_rule((1, 24))
    make_template()
    contact = make_contact(7)
    PendingEvent.objects.all().delete()
    low = live_chain([LETTER], key="low", event="another", priority=0)
    message = queue_again(contact, chain=low, expires_at=timezone.now() + 24 * HOUR)
    live_chain([LETTER], key="high", priority=5)
    triggers.capture("add_to_cart", contact=contact)
    turn(contact.shard)
    message.refresh_from_db()
    assert (message.state, message.reason) == ("queued", "")
    assert Message.objects.count() == 1
    deliver(LANE)
    assert not mail.outbox


def test_its_first_copy_takes_room_under_a_cap(
    queue_again: QueueMessage, queue_message: QueueMessage
) -> None:
    """Another one left in its place, beside the copy that may have arrived."""
    make_rule((1, 24))
    contact, now = make_contact(7), timezone.now()
    again = queue_again(contact, expires_at=now + 48 * HOUR)
    other = queue_message(contact, send_after=now - 2 * HOUR, expires_at=now + 48 * HOUR, created_at=now)
    Message.objects.filter(pk=again.pk).update(lane="email.marketing.bulk")
    deliver(LANE)
    other.refresh_from_db()
    assert other.state == "queued"
    assert words(other).startswith("put off until ")
    assert (other.send_after - now).total_seconds() == pytest.approx(23 * 3600, abs=60)
    assert not mail.outbox


def test_its_first_copy_is_not_in_its_own_way(queue_again: QueueMessage) -> None:
    make_rule((1, 24))
    template = make_template("thanks", message_class="transactional")
    make_rule((1, 24), message_class="transactional")
    message = queue_again(make_contact(7), template)
    deliver(TRANSACTIONAL)
    message.refresh_from_db()
    assert message.state == "accepted"


def test_its_first_copy_takes_room_when_it_is_worthless_and_not_ended_yet(
    queue_again: QueueMessage, queue_message: QueueMessage
) -> None:
    make_rule((1, 24))
    contact, now = make_contact(7), timezone.now()
    queue_again(contact, lane="email.gone", expires_at=now - HOUR)
    other = queue_message(contact, expires_at=now + 48 * HOUR)
    deliver(LANE)
    other.refresh_from_db()
    assert other.state == "queued"
