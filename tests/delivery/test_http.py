"""A provider behind an HTTP API that fails, lies, is silent, or took the letter all the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from tests.delivery.conftest import QueueMessage
from tests.delivery.fake_esp import Answer, FakeESP
from triggers.delivery.email import Letter, Mailer
from triggers.delivery.lane import admit
from triggers.delivery.outcome import Cause
from triggers.delivery.send import deliver
from triggers.delivery.unknown import send_unknown_again
from triggers.models import Message
from triggers.testing import database_clock

LETTER = Letter("1" * 32, "anna@example.com", "Hi", "<p>Hi</p>", "Hi", "reminder")
MESSAGE, PROVIDER, ACCOUNT = Cause.MESSAGE, Cause.PROVIDER, Cause.ACCOUNT


@pytest.fixture(params=["resend", "brevo"])
def esp(request: pytest.FixtureRequest, settings: Any) -> Iterator[FakeESP]:
    """The default mail account sends to it, through Anymail's own backend as a shop would name it."""
    esp = FakeESP(request.param)
    name = esp.name.upper()
    settings.ANYMAIL = {f"{name}_API_KEY": "secret", f"{name}_API_URL": esp.url, "REQUESTS_TIMEOUT": 20}
    account = {"BACKEND": f"anymail.backends.{esp.name}.EmailBackend"}
    settings.TRIGGERS = {**settings.TRIGGERS, "EMAIL_ACCOUNTS": {"default": account}}
    yield esp
    esp.stop()


def send() -> Any:
    mailer = Mailer()
    try:
        return mailer.send(LETTER)
    finally:
        mailer.close()


def test_a_letter_is_taken_and_its_number_kept(esp: FakeESP) -> None:
    outcome = send()
    assert (outcome.status, outcome.provider_id) == ("accepted", "id-1")
    (body,) = esp.taken
    assert LETTER.uid in json.dumps(body)


@pytest.mark.parametrize(
    ("answer", "status", "cause"),
    [
        (Answer(200, '{"code": "internal", "message": "not really"}'), "unknown", PROVIDER),
        (Answer(200, "<html>It works!</html>"), "unknown", PROVIDER),
        (Answer(200, '["id"]'), "unknown", PROVIDER),
        (Answer(200, "null"), "unknown", PROVIDER),
        (Answer(200, '{"id": "id-', length=400), "unknown", PROVIDER),
        (Answer(500, "oops"), "unknown", PROVIDER),
        (Answer(502, "<html>"), "unknown", PROVIDER),
        (Answer(504), "unknown", PROVIDER),
        (Answer(hangs=True), "unknown", PROVIDER),
        (Answer(closes=True), "unknown", PROVIDER),
        (Answer(503), "not_sent", PROVIDER),
        (Answer(429, '{"name": "rate_limit_exceeded"}'), "not_sent", Cause.THROTTLED),
        (Answer(429, "x", {"Retry-After": "7"}), "not_sent", Cause.THROTTLED),
        (Answer(401, '{"name": "missing_api_key"}'), "not_sent", ACCOUNT),
        (Answer(402, '{"code": "not_enough_credits"}'), "not_sent", ACCOUNT),
        (Answer(403), "not_sent", ACCOUNT),
        (Answer(404, "<html>"), "not_sent", ACCOUNT),
        (Answer(400, '{"code": "invalid_parameter", "name": "validation_error"}'), "refused", MESSAGE),
        (Answer(400, "[]"), "refused", MESSAGE),
        (Answer(409, '{"message": "?"}'), "refused", MESSAGE),
        (Answer(422, "\x00"), "refused", MESSAGE),
    ],
    ids=repr,
)
def test_what_an_answer_proves(
    esp: FakeESP, settings: Any, answer: Answer, status: str, cause: Cause
) -> None:
    esp.answers(answer)
    if answer.hangs:
        settings.ANYMAIL = {**settings.ANYMAIL, "REQUESTS_TIMEOUT": (20, 0.3)}
    outcome = send()
    assert (outcome.status, outcome.cause) == (status, cause)
    assert "\0" not in outcome.detail


def test_a_request_that_runs_already_is_asked_for_later(esp: FakeESP) -> None:
    if esp.name == "resend":
        esp.answers(Answer(409, '{"name": "concurrent_idempotent_requests"}'))
        assert send().status == "not_sent"
    else:
        assert send().status == "accepted"


def test_an_api_that_is_away_sends_nothing(esp: FakeESP, settings: Any) -> None:
    name = esp.name.upper()
    settings.ANYMAIL = {f"{name}_API_KEY": "secret", f"{name}_API_URL": "http://127.0.0.1:1/"}
    outcome = send()
    assert (outcome.status, outcome.cause) == ("not_sent", PROVIDER)
    settings.ANYMAIL = {f"{name}_API_KEY": "secret", f"{name}_API_URL": esp.url.replace("http:", "https:")}
    # It speaks, but no TLS: that is not told apart from a failure on the way.
    assert send().status in ("not_sent", "unknown")
    assert not esp.taken


def test_the_same_letter_is_taken_once_and_known_again(esp: FakeESP) -> None:
    assert send().status == "accepted"
    assert send().status == "accepted"
    assert (len(esp.taken), esp.requests) == (1, 2)


def test_the_key_is_the_messages_number(esp: FakeESP) -> None:
    send()
    (key,) = esp.known
    assert UUID(key) == UUID(LETTER.uid)
    inside = json.dumps(esp.taken[0]["headers"])
    assert ("Idempotency-Key" in inside) is False


def settle_once(seconds: float) -> None:
    with database_clock(timezone.now() + timedelta(seconds=seconds)):
        send_unknown_again()
        deliver("email.marketing")


@pytest.mark.django_db
@pytest.mark.parametrize("is_taken", [True, False])
@pytest.mark.parametrize("answer", [Answer(502), Answer(closes=True), Answer(200, "{}")], ids=repr)
def test_where_the_provider_knows_the_key_doubt_ends_by_asking_again(
    queue_message: QueueMessage, esp: FakeESP, answer: Answer, is_taken: bool
) -> None:
    """Marketing too: a second copy is impossible."""
    message = queue_message()
    esp.answers(answer, is_taken=is_taken)
    deliver(message.lane)
    message.refresh_from_db()
    assert message.state == "unknown"
    settle_once(35)
    message.refresh_from_db()
    assert (message.state, message.resends) == ("accepted", 1)
    assert len(esp.taken) == 1


@pytest.mark.django_db
def test_when_the_key_is_too_old_nothing_is_sent(queue_message: QueueMessage, esp: FakeESP) -> None:
    message = queue_message(expires_at=timezone.now() + timedelta(days=9))
    esp.answers(Answer(502), is_taken=True)
    deliver(message.lane)
    settle_once(86_400)
    message.refresh_from_db()
    assert (message.state, message.lease_until) == ("unknown", None)
    settle_once(90_000)
    assert (len(esp.taken), esp.requests) == (1, 1)


@pytest.mark.django_db
def test_the_rest_waits_while_the_provider_wants_to_be_left_alone(
    queue_message: QueueMessage, esp: FakeESP, settings: Any
) -> None:
    settings.TRIGGERS = {**settings.TRIGGERS, "SEND_CONCURRENCY": 1}
    for _time in range(3):
        queue_message()
    esp.answers(Answer(429, headers={"Retry-After": "120"}))
    deliver("email.marketing")
    assert esp.requests == 1
    until = admit("email.marketing", 1).until
    assert until is not None
    assert until > timezone.now() + timedelta(seconds=60)
    with database_clock(timezone.now() + timedelta(seconds=150)):
        deliver("email.marketing")
    assert len(esp.taken) == 3
    assert set(Message.objects.values_list("state", flat=True)) == {"accepted"}
