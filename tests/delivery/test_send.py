"""A sender's run over a lane, and what becomes of each message."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db import InterfaceError, OperationalError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.build import make_contact, make_template
from tests.delivery.conftest import QueueMessage, Sink, smtp_account
from triggers.accounts import lane_names
from triggers.core.words import say
from triggers.delivery import crashes
from triggers.delivery import record as recording
from triggers.delivery.backoff import retry_delay
from triggers.delivery.claim import Claimed, claim
from triggers.delivery.lane import Admission, lanes_with_work
from triggers.delivery.outcome import Outcome
from triggers.delivery.record import _record, settle
from triggers.delivery.retry import cancel_messages, retry_messages
from triggers.delivery.send import deliver
from triggers.delivery.tally import Tally
from triggers.delivery.unknown import settle_abandoned
from triggers.exceptions import SendCancelled
from triggers.models import Heartbeat, Message, MessageState
from triggers.signals import message_sending, message_settled
from triggers.testing import database_clock, sms_outbox

pytestmark = pytest.mark.django_db

BUSY = InterfaceError("the database is away for a moment")


def test_a_letter_goes_out_over_real_smtp(queue_message: QueueMessage, sink: Sink) -> None:
    messages = [queue_message() for _ in range(25)]
    result = deliver("email.marketing")
    assert (result.looked_at, result.accepted) == (25, 25)
    recipients = sorted(envelope.rcpt_tos[0] for envelope in sink.taken)
    assert recipients == sorted(message.contact.email for message in messages)
    assert set(Message.objects.values_list("state", flat=True)) == {"accepted"}
    assert Heartbeat.objects.get(pk="send:email.marketing").count == 25


@pytest.mark.parametrize(
    ("stage", "answer", "state", "words"),
    [
        ("rcpt", "550 5.1.1 no such user", "failed", "the provider refused it: SMTPRecipientsRefused"),
        ("rcpt", "451 4.7.1 greylisted", "queued", "not sent yet, attempt 1: SMTPRecipientsRefused"),
        ("data", "554 5.7.1 spam", "failed", "the provider refused it: SMTPDataError"),
        ("data", "452 4.3.1 disk full", "queued", "not sent yet, attempt 1: SMTPDataError"),
        ("data", "hang up", "unknown", "it cannot be known whether it was sent: SMTPServerDisconnected"),
    ],
)
def test_what_a_server_answers(
    queue_message: QueueMessage, sink: Sink, stage: str, answer: str, state: str, words: str
) -> None:
    message, neighbour = queue_message(), queue_message()
    getattr(sink, stage)[message.contact.email.partition("@")[0]] = answer
    deliver("email.marketing", seconds=2)
    message.refresh_from_db()
    neighbour.refresh_from_db()
    assert (message.state, neighbour.state) == (state, "accepted")
    assert say(message.reason, message.reason_data).startswith(words)
    assert "@" not in say(message.reason, message.reason_data)
    if state == "queued":
        assert message.send_after > timezone.now()
        assert message.attempt == 1


def test_a_server_that_is_away_was_certainly_not_given_the_letter(
    queue_message: QueueMessage, sink: Sink, settings: Any
) -> None:
    settings.TRIGGERS = {**settings.TRIGGERS, "EMAIL_ACCOUNTS": {"default": smtp_account(1)}}
    message = queue_message()
    deliver("email.marketing", seconds=2)
    message.refresh_from_db()
    assert (message.state, message.attempt) == ("queued", 1)


def test_a_text_goes_out(queue_message: QueueMessage) -> None:
    sms_outbox.clear()
    message = queue_message(template=make_template("code", channel="sms"))
    deliver("sms.marketing")
    message.refresh_from_db()
    assert (message.state, message.provider_id) == ("accepted", message.uid.hex)
    assert [(text.to, text.body) for text in sms_outbox] == [(message.contact.phone, "Your cart waits.")]
    assert message.body.text == "Your cart waits."


def test_transactional_lanes_come_first(queue_message: QueueMessage) -> None:
    queue_message()
    queue_message(template=make_template("thanks", message_class="transactional"))
    assert lanes_with_work() == ["email.transactional", "email.marketing"]
    names = lane_names()
    assert names.index("sms.transactional") < names.index("email.marketing")


def test_a_sender_that_dies_leaves_its_messages_unknown(queue_message: QueueMessage) -> None:
    message = queue_message()
    claim(message.lane, 10)
    assert settle_abandoned() == 0
    with database_clock(timezone.now() + timedelta(minutes=5)):
        assert settle_abandoned() == 1
        deliver(message.lane)
    message.refresh_from_db()
    assert message.state == "unknown"
    assert not mail.outbox


def test_a_result_that_comes_too_late_changes_nothing(queue_message: QueueMessage) -> None:
    message = queue_message()
    claimed = claim(message.lane, 10).ready[0]
    Message.objects.update(state="unknown")
    _record(claimed, Outcome("refused"))
    message.refresh_from_db()
    assert message.state == "unknown"
    Message.objects.update(attempt=2)
    _record(claimed, Outcome("accepted"))
    message.refresh_from_db()
    assert message.state == "unknown"


@pytest.mark.parametrize("state", ["unknown", "queued", "held"])
def test_that_it_was_taken_counts_however_late(queue_message: QueueMessage, state: str) -> None:
    """It stayed `unknown`, and whoever retried it sent a second copy."""
    message = queue_message()
    claimed = claim(message.lane, 10).ready[0]
    Message.objects.update(state=state)
    _record(claimed, Outcome("accepted", provider_id="id-1"))
    deliver(message.lane)
    message.refresh_from_db()
    assert (message.state, message.provider_id, message.reason) == ("accepted", "id-1", "")
    assert message.accepted_at is not None
    assert not mail.outbox


@pytest.mark.parametrize(
    ("errors", "recorded"),
    [([BUSY], 3), ([BUSY, BUSY, BUSY], 3), ([BUSY] * 4, 2), ([ZeroDivisionError()], 2)],
)
def test_a_result_that_cannot_be_recorded_takes_no_neighbours_with_it(
    queue_message: QueueMessage, errors: list[Exception], recorded: int
) -> None:
    """The run used to end there: letters that were sent stayed `sending`, and became `unknown`."""
    for _time in range(3):
        queue_message()
    left = iter(errors)

    def record(one: Claimed, outcome: Outcome) -> MessageState | None:
        for error in left:
            raise error
        return _record(one, outcome)

    with (
        patch.object(recording, "_record_accepted", return_value=()),
        patch.object(recording, "_record", record),
        patch.object(recording, "RECORD_PAUSES", (0, 0, 0)),
    ):
        assert deliver("email.marketing").accepted == 3
    assert Message.objects.filter(state="accepted").count() == recorded


def test_results_that_come_together_are_recorded_together(queue_message: QueueMessage) -> None:
    """All but those for which something stands in the way: a notice that was faster, a sender that was given up."""
    messages = [queue_message() for _ in range(4)]
    claimed = sorted(claim("email.marketing", 10).ready, key=lambda one: one.id)
    Message.objects.filter(pk=messages[1].pk).update(state="delivered")
    Message.objects.filter(pk=messages[2].pk).update(state="unknown")
    with CaptureQueriesContext(connection) as queries:
        results = [
            (one, Outcome("accepted", provider_id=f"id-{n}"), Admission(10)) for n, one in enumerate(claimed)
        ]
        assert settle([results[0], results[3]], Tally("email.marketing")) == 2
    assert sum(query["sql"].startswith("UPDATE") for query in queries) == 1
    assert settle(results, Tally("email.marketing")) == 4
    rows = list(Message.objects.order_by("pk").values_list("state", "provider_id"))
    assert rows == [("accepted", "id-0"), ("delivered", ""), ("accepted", "id-2"), ("accepted", "id-3")]
    assert Message.objects.filter(accepted_at=None).get() == messages[1]


def test_results_that_cannot_be_recorded_together_are_recorded_one_by_one(
    queue_message: QueueMessage,
) -> None:
    for _time in range(3):
        queue_message()
    claimed = claim("email.marketing", 10).ready
    with patch.object(recording, "update_rows", side_effect=OperationalError):
        settle(
            [(one, Outcome("accepted", provider_id="x"), Admission(10)) for one in claimed],
            Tally("email.marketing"),
        )
    assert Message.objects.filter(state="accepted").count() == 3


def test_a_claim_that_fails_loses_no_result(queue_message: QueueMessage, settings: Any) -> None:
    settings.TRIGGERS = {**settings.TRIGGERS, "SEND_CONCURRENCY": 2}
    for _time in range(4):
        queue_message()
    first = claim("email.marketing", 2)
    with patch.object(crashes, "claim", side_effect=[first, BUSY]), pytest.raises(InterfaceError):
        deliver("email.marketing")
    assert sorted(Message.objects.values_list("state", flat=True)) == [
        "accepted",
        "accepted",
        "queued",
        "queued",
    ]


def test_a_message_that_is_gone_when_its_result_is_told_stops_no_neighbour(
    queue_message: QueueMessage,
) -> None:
    """Reading it again for the signal used to end the run."""
    for _time in range(3):
        queue_message()

    def note(**kwargs: Any) -> None:
        raise AssertionError("there is nothing to tell")

    message_settled.connect(note)
    try:
        with patch.object(Message.objects, "get", side_effect=Message.DoesNotExist):
            assert deliver("email.marketing").accepted == 3
    finally:
        message_settled.disconnect(note)
    assert set(Message.objects.values_list("state", flat=True)) == {"accepted"}


def test_a_failed_query_of_a_receiver_stops_no_message(queue_message: QueueMessage) -> None:
    """On PostgreSQL it used to break the claim's transaction, and so the lane."""
    message = queue_message()

    def ask(message: Message, **kwargs: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT no_such_column FROM triggers_shard")

    message_sending.connect(ask)
    try:
        deliver("email.marketing")
    finally:
        message_sending.disconnect(ask)
    message.refresh_from_db()
    assert message.state == "accepted"


@pytest.mark.parametrize("asked", [float("9" * 13), float("inf")])
def test_a_provider_cannot_ask_for_ages(queue_message: QueueMessage, asked: float) -> None:
    """A moment that no calendar knows used to end the run."""
    message = queue_message()
    claimed = claim(message.lane, 10).ready[0]
    _record(claimed, Outcome("not_sent", retry_after=asked))
    message.refresh_from_db()
    assert message.state == "queued"
    assert message.send_after < timezone.now() + timedelta(days=1)


@pytest.mark.parametrize("hours", [1, None])
def test_a_retry_is_not_later_than_the_expiry(queue_message: QueueMessage, hours: int | None) -> None:
    """It stayed queued for hours after it had become worthless."""
    expires_at = timezone.now() + timedelta(hours=hours) if hours else None
    message = queue_message(expires_at=expires_at)
    _record(claim(message.lane, 10).ready[0], Outcome("not_sent", retry_after=9999))
    message.refresh_from_db()
    if expires_at:
        assert message.send_after == message.expires_at
    else:
        assert message.send_after > timezone.now() + timedelta(hours=2)
    with database_clock(timezone.now() + timedelta(hours=5)):
        deliver(message.lane)
    message.refresh_from_db()
    assert message.state == ("expired" if hours else "accepted")


def test_a_receiver_can_stop_one_message_and_a_broken_one_stops_none(queue_message: QueueMessage) -> None:
    stopped, other = queue_message(), queue_message()
    settled: list[str] = []

    def stop(message: Message, **kwargs: Any) -> None:
        if message.pk == stopped.pk:
            raise SendCancelled("out of stock")
        raise ZeroDivisionError

    def note(message: Message, state: str, **kwargs: Any) -> None:
        settled.append(state)

    message_sending.connect(stop)
    message_settled.connect(note)
    try:
        deliver("email.marketing")
    finally:
        message_sending.disconnect(stop)
        message_settled.disconnect(note)
    stopped.refresh_from_db()
    other.refresh_from_db()
    assert (stopped.state, say(stopped.reason, stopped.reason_data)) == (
        "cancelled",
        "stopped by the shop: out of stock",
    )
    assert other.state == "accepted"
    assert settled == ["accepted"]


def test_people_can_retry_what_failed_and_cancel_what_waits(queue_message: QueueMessage) -> None:
    failed, sent = queue_message(state="failed"), queue_message(state="accepted")
    waiting = queue_message(send_after=timezone.now() + timedelta(days=1))
    assert retry_messages([failed.pk, sent.pk]) == 1
    assert cancel_messages([sent.pk, waiting.pk]) == 1
    deliver("email.marketing")
    failed.refresh_from_db()
    assert failed.state == "accepted"
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(
    ("attempt", "asked", "fraction", "expected"),
    [
        (1, None, 1.0, 30),
        (2, None, 1.0, 60),
        (20, None, 1.0, 21_600),
        (1, None, 0.0, 1),
        (1, 120, 0.5, 120),
        (1, 1e12, 0.5, 21_600),
    ],
)
def test_retries_wait_longer_and_longer(
    attempt: int, asked: float | None, fraction: float, expected: float
) -> None:
    assert retry_delay(attempt, asked, fraction) == expected


class Explodes(BaseEmailBackend):
    """A host's own backend with a bug."""

    def send_messages(self, email_messages: Sequence[Any]) -> int:
        raise RuntimeError("bug")


def test_a_backend_with_a_bug_leaves_the_letter_unknown(queue_message: QueueMessage, settings: Any) -> None:
    account = {"BACKEND": f"{__name__}.Explodes", "OPTIONS": {}}
    settings.TRIGGERS = {**settings.TRIGGERS, "EMAIL_ACCOUNTS": {"default": account}}
    message = queue_message(make_contact(1))
    deliver("email.marketing")
    message.refresh_from_db()
    assert message.state == "unknown"
