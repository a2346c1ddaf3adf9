"""The ways out of `unknown`: a report, the policy of its class, a person; and that none of them tells a lie."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from anymail.signals import AnymailTrackingEvent, tracking
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import triggers
from tests.build import live_chain, make_contact, make_template
from tests.delivery.conftest import QueueMessage
from triggers.core.words import say
from triggers.delivery import unknown
from triggers.delivery.claim import claim
from triggers.delivery.expire import expire_overdue
from triggers.delivery.outcome import Outcome
from triggers.delivery.record import _record
from triggers.delivery.retry import cancel_messages, give_up, retry_messages, take_as_sent
from triggers.delivery.send import deliver
from triggers.delivery.unknown import send_unknown_again, settle_abandoned
from triggers.engine.turn import turn
from triggers.models import SHARDS, Consent, Message, MessageState
from triggers.testing import database_clock

pytestmark = pytest.mark.django_db

DOUBT = Outcome("unknown", detail="silence")
GRACE = 600
MARKETING, TRANSACTIONAL = "email.marketing", "email.transactional"


@pytest.fixture
def in_doubt(queue_message: QueueMessage) -> Callable[..., Message]:
    """A message whose provider fell silent."""

    def make(lane: str = TRANSACTIONAL, **fields: Any) -> Message:
        template = make_template("thanks", message_class=lane.partition(".")[2])
        message = queue_message(template=template, expires_at=timezone.now() + timedelta(days=2), **fields)
        _record(claim(lane, 1).ready[0], DOUBT)
        message.refresh_from_db()
        return message

    return make


def later(seconds: float) -> Any:
    return database_clock(timezone.now() + timedelta(seconds=seconds))


def settle(message: Message, seconds: float) -> str:
    """What a tick and a sender make of it so much later."""
    with later(seconds):
        settle_abandoned()
        send_unknown_again()
        deliver(message.lane)
    message.refresh_from_db()
    return message.state


def test_marketing_in_doubt_is_never_sent_again(in_doubt: Any) -> None:
    message = in_doubt(MARKETING)
    assert (message.state, message.lease_until) == ("unknown", None)
    assert settle(message, 86_400) == "unknown"
    assert not mail.outbox


def test_marketing_is_not_sent_again_either_when_a_setting_that_no_check_saw_says_so(
    in_doubt: Any, settings: Any
) -> None:
    settings.TRIGGERS = {**settings.TRIGGERS, "UNKNOWN_POLICY": {"marketing": "resend"}}
    assert settle(in_doubt(MARKETING), 86_400) == "unknown"
    assert not mail.outbox


def test_transactional_is_sent_once_more_after_the_grace_with_the_same_message_id(in_doubt: Any) -> None:
    message = in_doubt()
    assert settle(message, GRACE - 60) == "unknown"
    assert not mail.outbox
    assert settle(message, GRACE + 1) == "accepted"
    assert message.resends == 1
    (letter,) = mail.outbox
    assert letter.extra_headers["Message-ID"] == f"<{message.uid.hex}@shop.test>"


def test_a_second_doubt_is_left_to_people(in_doubt: Any) -> None:
    message = in_doubt()
    since = message.unknown_since
    with later(GRACE + 1):
        assert send_unknown_again() == 1
        _record(claim(message.lane, 1).ready[0], DOUBT)
    message.refresh_from_db()
    assert (message.state, message.lease_until, message.unknown_since) == ("unknown", None, since)
    assert settle(message, 86_400) == "unknown"


@pytest.mark.parametrize(("policy", "state"), [({}, "unknown"), ({"transactional": "leave"}, "unknown")])
def test_the_policy_decides(in_doubt: Any, settings: Any, policy: dict[str, str], state: str) -> None:
    settings.TRIGGERS = {**settings.TRIGGERS, "UNKNOWN_POLICY": policy}
    assert settle(in_doubt(), GRACE + 1) == state


def test_a_policy_that_was_changed_while_it_was_queued_counts(in_doubt: Any, settings: Any) -> None:
    message = in_doubt()
    with later(GRACE + 1):
        send_unknown_again()
        settings.TRIGGERS = {**settings.TRIGGERS, "UNKNOWN_POLICY": {}}
        deliver(message.lane)
    message.refresh_from_db()
    assert message.state == "unknown"
    assert "no longer notice" in say(message.reason, message.reason_data)


@pytest.mark.parametrize("lane", [MARKETING, TRANSACTIONAL])
def test_a_sender_that_died_leaves_doubt_since_its_lease(queue_message: QueueMessage, lane: str) -> None:
    template = make_template("thanks", message_class=lane.partition(".")[2])
    messages = [queue_message(template=template) for _ in range(3)]
    claim(lane, 10)
    leases = set(Message.objects.values_list("lease_until", flat=True))
    with later(3600):
        with CaptureQueriesContext(connection) as queries:
            assert settle_abandoned() == len(messages)
        assert len(queries) == 3
        assert settle_abandoned() == 0
    assert set(Message.objects.values_list("unknown_since", flat=True)) == leases
    waits = Message.objects.filter(lease_until__isnull=False).count()
    assert waits == (0 if lane == MARKETING else 3)


def test_a_look_settles_a_slice_and_the_next_one_the_next(
    queue_message: QueueMessage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unknown, "SLICE", 2)
    make_template("thanks", message_class="transactional")
    lease = timezone.now() - timedelta(minutes=5)
    for _time in range(5):
        queue_message(state="sending", lane=TRANSACTIONAL, lease_until=lease)
    assert [settle_abandoned() for _time in range(4)] == [2, 2, 1, 0]
    with later(GRACE + 1):
        assert [send_unknown_again() for _time in range(4)] == [2, 2, 1, 0]


def expire(message: Message) -> None:
    Message.objects.update(expires_at=timezone.now())


def delete_template(message: Message) -> None:
    Message.objects.update(template_key="gone")


def lose_address(message: Message) -> None:
    type(message.contact).objects.update(email="", email_key=None)


@pytest.mark.parametrize("change", [expire, delete_template, lose_address])
def test_what_may_have_been_sent_never_ends_as_if_it_was_not(in_doubt: Any, change: Any) -> None:
    """It would say "too late" of a letter that its reader has."""
    message = in_doubt()
    change(message)
    assert settle(message, GRACE + 1) == "unknown"
    assert "is not sent again" in say(message.reason, message.reason_data)
    assert settle(message, 86_400) == "unknown"
    assert not mail.outbox


def test_a_second_copy_that_is_refused_says_nothing_about_the_first(in_doubt: Any) -> None:
    """It used to be `failed`, which says that the reader has nothing."""
    message = in_doubt()
    with later(GRACE + 1):
        assert send_unknown_again() == 1
        _record(claim(message.lane, 1).ready[0], Outcome("refused", detail="550 5.2.0 full"))
    message.refresh_from_db()
    assert (message.state, message.lease_until) == ("unknown", None)
    assert "550 5.2.0 full" in say(message.reason, message.reason_data)
    assert settle(message, 86_400) == "unknown"


def test_what_expires_in_a_lane_that_nobody_serves_stays_in_doubt(in_doubt: Any) -> None:
    """The sweep for lanes that stand still used to call it too late to leave."""
    message = in_doubt()
    with later(GRACE + 1):
        assert send_unknown_again() == 1
    with later(3 * 86_400):
        assert expire_overdue() == 1
    message.refresh_from_db()
    assert (message.state, message.lease_until) == ("unknown", None)
    assert "is not sent again" in say(message.reason, message.reason_data)


def test_a_goal_after_the_doubt_does_not_say_that_it_was_not_sent() -> None:
    """The journey's end used to cancel it, and the contact's page said that it never left."""
    make_template("thanks", message_class="transactional")
    wait = ("wait", "wait", {"amount": 3, "unit": "days"})
    live_chain([("letter", "send_email", {"template": "thanks"}), wait], goals=["purchase"])
    contact = make_contact()
    triggers.capture("add_to_cart", contact=contact)
    turn(*range(SHARDS))
    _record(claim(TRANSACTIONAL, 1).ready[0], DOUBT)
    with later(GRACE + 1):
        assert send_unknown_again() == 1
    triggers.capture("purchase", contact=contact)
    turn(*range(SHARDS))
    message = Message.objects.get()
    assert settle(message, GRACE + 2) == "unknown"
    assert "is not sent again" in say(message.reason, message.reason_data)
    assert not mail.outbox


def test_a_person_may_send_again_what_the_checks_allow(in_doubt: Any) -> None:
    message = in_doubt(MARKETING)
    assert retry_messages([message.pk]) == 1
    assert settle(message, 0) == "accepted"
    assert len(mail.outbox) == 1


def test_a_person_who_sends_again_is_not_asked_twice(in_doubt: Any) -> None:
    """Consent withdrawn since: then it is `suppressed`, because the person took the doubt on."""
    message = in_doubt(MARKETING)
    Consent.objects.all().delete()
    retry_messages([message.pk])
    assert settle(message, 0) == "suppressed"


def test_a_person_says_what_became_of_it(in_doubt: Any, queue_message: QueueMessage) -> None:
    message = in_doubt()
    other = queue_message(state="failed")
    assert take_as_sent([message.pk, other.pk]) == 1
    message.refresh_from_db()
    assert (message.state, message.reason) == ("accepted", "a person says that it arrived")
    assert message.accepted_at is not None
    Message.objects.filter(pk=message.pk).update(state="unknown", lease_until=timezone.now())
    assert give_up([message.pk, other.pk]) == 1
    message.refresh_from_db()
    assert (message.state, message.lease_until) == ("cancelled", None)
    assert send_unknown_again() == 0


def report(message: Message, kind: str) -> None:
    event = AnymailTrackingEvent(event_type=kind, metadata={"triggers_message": str(message.uid)})
    tracking.send(sender=object, event=event, esp_name="Test")


@pytest.mark.parametrize(("kind", "state"), [("delivered", "delivered"), ("bounced", "bounced")])
@pytest.mark.parametrize(
    "meanwhile", [lambda pk: give_up([pk]), lambda pk: cancel_messages([pk]), lambda pk: None]
)
def test_a_late_report_is_the_truth(
    in_doubt: Any, meanwhile: Callable[[int], Any], kind: str, state: str
) -> None:
    """Given up, cancelled while it was to be sent again, or neither."""
    message = in_doubt()
    with later(GRACE + 1):
        if meanwhile(message.pk) == 0:
            send_unknown_again()
            meanwhile(message.pk)
    for _time in range(2):
        report(message, kind)
    report(message, "sent")
    message.refresh_from_db()
    assert message.state == state
    assert settle(message, 86_400) == state
    assert not mail.outbox


def test_a_report_before_the_answer_counts_and_the_answer_takes_nothing_back(
    queue_message: QueueMessage,
) -> None:
    message = queue_message()
    claimed = claim(message.lane, 1).ready[0]
    report(message, "delivered")
    for outcome in (Outcome("accepted", provider_id="id-1"), DOUBT, Outcome("not_sent")):
        _record(claimed, outcome)
    message.refresh_from_db()
    assert message.state == MessageState.DELIVERED


def test_the_clock_of_the_database_decides(in_doubt: Any) -> None:
    message = in_doubt()
    assert isinstance(message.lease_until, datetime)
    assert (message.lease_until - message.unknown_since).total_seconds() == pytest.approx(GRACE, abs=1)
