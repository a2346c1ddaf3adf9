"""A mail server that defers letter after letter is left alone, and nobody else waits for it."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.build import make_contact
from tests.delivery.conftest import QueueMessage, Sink
from triggers.core.words import say
from triggers.delivery.domains import FORGOTTEN_AFTER, MOST_DEFERRALS, learn_domain, slow_domains
from triggers.delivery.lane import admit
from triggers.delivery.outcome import Cause, Outcome
from triggers.delivery.send import deliver
from triggers.models import Lane, Message, SlowDomain
from triggers.testing import database_clock

pytestmark = pytest.mark.django_db

LANE = "email.marketing"
START = datetime(2030, 1, 1, tzinfo=UTC)
DEFERRED = Outcome("not_sent", detail="451 later", cause=Cause.DEFERRED)
ACCEPTED = Outcome("accepted")


@pytest.fixture(autouse=True)
def no_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pause is as long as it may be: 30 s, 60 s…"""
    monkeypatch.setattr(random, "random", lambda: 1.0)


def after(seconds: float) -> Any:
    return database_clock(START + timedelta(seconds=seconds))


def report(*outcomes: Outcome, domain: str = "slow.example", first: int = 1) -> None:
    for number, outcome in enumerate(outcomes, start=first):
        learn_domain(LANE, f"x@{domain}", number, outcome, are_any_slow=True)


def pause() -> float | None:
    row = SlowDomain.objects.get()
    return None if row.slow_until is None else (row.slow_until - START).total_seconds()


def test_several_letters_in_a_row_make_it_slow() -> None:
    with after(0):
        report(*[DEFERRED] * (MOST_DEFERRALS - 1))
        assert pause() is None
        report(ACCEPTED)
        assert not SlowDomain.objects.exists()
        assert not Lane.objects.get(pk=LANE).has_slow_domains
        report(*[DEFERRED] * MOST_DEFERRALS)
        assert pause() == 30
        assert admit(LANE, 5).has_slow_domains


def test_one_letter_again_and_again_does_not() -> None:
    """A full mailbox, or a greylist that knows one recipient."""
    with after(0):
        for _time in range(10):
            report(DEFERRED)
        assert pause() is None


@pytest.mark.parametrize("cause", [Cause.MESSAGE, Cause.PROVIDER, Cause.THROTTLED, Cause.POLICY])
def test_nothing_else_does(cause: Cause) -> None:
    report(*[Outcome("not_sent", cause=cause)] * 10)
    assert not SlowDomain.objects.exists()


def test_the_pause_grows_with_each_try_that_fails_and_not_with_the_rest_of_a_wave() -> None:
    with after(0):
        report(*[DEFERRED] * 10)
        assert pause() == 30
    with after(30):
        report(DEFERRED, first=20)
        assert pause() == 30 + 60
    with after(90):
        # The same letter tries again: that counts.
        report(DEFERRED, first=20)
        assert pause() == 90 + 120


def test_when_it_is_over_one_letter_tries(queue_message: QueueMessage) -> None:
    people = [make_contact(number, email=f"p{number}@slow.example") for number in range(3)]
    messages = [queue_message(one) for one in people]
    with after(0):
        report(*[DEFERRED] * MOST_DEFERRALS)
        assert set(slow_domains(LANE).stops(messages, START)) == {one.pk for one in messages}
    moment = START + timedelta(seconds=31)
    with after(31):
        first, second = slow_domains(LANE), slow_domains(LANE)
        assert set(first.stops(messages, moment)) == {one.pk for one in messages[1:]}
        assert set(second.stops(messages, moment)) == {one.pk for one in messages}
    # Its sender died: another one's turn.
    moment = START + timedelta(seconds=31 + 61)
    with after(31 + 61):
        assert len(slow_domains(LANE).stops(messages, moment)) == 2


def test_what_was_not_heard_of_for_long_is_forgotten() -> None:
    with after(0):
        report(DEFERRED)
        report(*[DEFERRED] * MOST_DEFERRALS, domain="other.example")
    with after(FORGOTTEN_AFTER.total_seconds() + 31):
        slow_domains(LANE)
        assert not SlowDomain.objects.exists()
        assert not Lane.objects.get(pk=LANE).has_slow_domains


def test_no_claim_looks_while_none_is_slow(queue_message: QueueMessage, sink: Sink) -> None:
    queue_message()
    with CaptureQueriesContext(
        connection,
    ) as queries:
        deliver(LANE)
    assert not [one for one in queries.captured_queries if "slowdomain" in one["sql"]]


def test_letters_to_others_go_on_and_nothing_is_used_up(
    queue_message: QueueMessage, sink: Sink, settings: Any
) -> None:
    """Thirty letters to a server that defers used to be tried one after the other, again and again."""
    settings.TRIGGERS = {**settings.TRIGGERS, "SEND_CONCURRENCY": 3}
    for number in range(30):
        name = f"slow{number}"
        sink.rcpt[name] = "451 4.7.500 server busy"
        queue_message(make_contact(number, email=f"{name}@slow.example"))
    for number in range(30, 40):
        queue_message(make_contact(number, email=f"person{number}@fast.example"))
    assert deliver(LANE).accepted == 10
    slow = Message.objects.filter(contact__email__endswith="@slow.example")
    assert set(slow.values_list("state", flat=True)) == {"queued"}
    tried = slow.filter(attempt__gt=0).count()
    assert MOST_DEFERRALS <= tried <= MOST_DEFERRALS + 3
    waiting = slow.filter(attempt=0).first()
    assert waiting is not None
    said = say(waiting.reason, waiting.reason_data)
    assert said.startswith("put off until ")
    assert said.endswith(": slow.example does not take letters now")
    assert Lane.objects.get(pk=LANE).failures == 0
    sink.rcpt.clear()
    Message.objects.filter(state="queued").update(send_after=START - timedelta(days=3650))
    SlowDomain.objects.update(slow_until=START - timedelta(days=3650))
    while deliver(LANE).accepted:
        Message.objects.filter(state="queued").update(send_after=START - timedelta(days=3650))
    assert set(Message.objects.values_list("state", flat=True)) == {"accepted"}
    assert not SlowDomain.objects.exists()
    assert not Lane.objects.get(pk=LANE).has_slow_domains


def test_what_would_be_worthless_by_then_ends(queue_message: QueueMessage) -> None:
    message = queue_message(make_contact(1, email="a@slow.example"), expires_at=START + timedelta(seconds=5))
    with after(0):
        report(*[DEFERRED] * MOST_DEFERRALS)
        (stop,) = slow_domains(LANE).stops([message], START).values()
    assert stop.state == "expired"
    assert "slow.example does not take letters now" in say(stop.reason.text, stop.reason.data)
