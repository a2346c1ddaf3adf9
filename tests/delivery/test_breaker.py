"""When the provider does not work, its messages wait; one of them tries whether it works again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connections

from tests.delivery.conftest import QueueMessage, Sink, smtp_account
from triggers.core.words import say
from triggers.delivery.breaker import FIRST_PAUSE, MOST_FAILURES, MOST_PAUSE, learn
from triggers.delivery.lane import Admission, admit, give_back, try_lane
from triggers.delivery.outcome import Cause, Outcome
from triggers.delivery.send import deliver
from triggers.models import Lane, Message, Suppression
from triggers.signals import lane_broken
from triggers.testing import database_clock

pytestmark = pytest.mark.django_db

LANE = "email.marketing"
START = datetime(2030, 1, 1, tzinfo=UTC)
FAULT = Outcome("not_sent", detail="nobody there", cause=Cause.PROVIDER)
DOUBT = Outcome("unknown", detail="silence", cause=Cause.PROVIDER)
POLICY = Outcome("not_sent", detail="5.7.515", cause=Cause.POLICY)
THROTTLED = Outcome("not_sent", detail="429", cause=Cause.THROTTLED)
NO_USER = Outcome("refused", detail="5.1.1", cause=Cause.NO_SUCH_ADDRESS)
SPAM = Outcome("refused", detail="554")
ACCEPTED = Outcome("accepted")


def after(seconds: float) -> Any:
    return database_clock(START + timedelta(seconds=seconds))


def report(*outcomes: Outcome) -> None:
    for outcome in outcomes:
        learn(LANE, Admission(10, is_troubled=True), outcome)


def closed_for() -> float | None:
    until = Lane.objects.get(pk=LANE).closed_until
    return None if until is None else (until - START).total_seconds()


def is_open() -> bool:
    return admit(LANE, 10).most == 10


@pytest.mark.parametrize("fault", [FAULT, DOUBT])
def test_failures_in_a_row_open_it(fault: Outcome) -> None:
    with after(0):
        report(*[fault] * (MOST_FAILURES - 1))
        assert is_open()
        report(ACCEPTED)
        report(*[fault] * (MOST_FAILURES - 1))
        assert is_open()
        report(fault)
        assert not is_open()
        row = Lane.objects.get(pk=LANE)
        assert (row.opened_at, row.detail, closed_for()) == (START, fault.detail, FIRST_PAUSE)


@pytest.mark.parametrize("outcome", [NO_USER, SPAM, Outcome("not_sent", detail="450")])
def test_what_is_about_one_message_does_not(outcome: Outcome) -> None:
    with after(0):
        admit(LANE, 10)
        report(*[outcome] * 20)
        assert is_open()


def test_nothing_is_written_while_all_is_well(django_assert_num_queries: Any) -> None:
    admission = admit(LANE, 10)
    with django_assert_num_queries(0):
        for outcome in (ACCEPTED, SPAM, NO_USER):
            learn(LANE, admission, outcome)


def test_the_rest_of_the_wave_that_opened_it_changes_nothing() -> None:
    with after(0):
        report(*[FAULT] * 20, ACCEPTED)
        assert closed_for() == FIRST_PAUSE
        assert not is_open()


def test_one_tries_and_the_others_wait() -> None:
    with after(0):
        report(*[FAULT] * 5)
    with after(31):
        first, second = admit(LANE, 10), admit(LANE, 10)
        assert (first.most, first.is_probe, second.most) == (1, True, 0)
        learn(LANE, first, ACCEPTED)
        assert is_open()
        row = Lane.objects.get(pk=LANE)
        assert (row.opened_at, row.failures, row.trips, row.detail) == (None, 0, 0, "")


def test_each_try_that_fails_doubles_the_pause() -> None:
    with after(0):
        report(*[FAULT] * 5)
    seconds, pauses = FIRST_PAUSE, []
    for _time in range(7):
        with after(seconds):
            probe = admit(LANE, 10)
            assert probe.is_probe
            learn(LANE, probe, FAULT)
            closed = closed_for()
            assert closed is not None
            pauses.append(closed - seconds)
            seconds = closed
    assert pauses == [60, 120, 240, 480, MOST_PAUSE, MOST_PAUSE, MOST_PAUSE]
    assert Lane.objects.get(pk=LANE).opened_at == START


def test_a_try_whose_sender_died_or_that_learned_nothing_is_another_ones() -> None:
    with after(0):
        report(*[FAULT] * 5)
    with after(31):
        assert admit(LANE, 10).is_probe
    with after(31 + 61):
        probe = admit(LANE, 10)
        assert probe.is_probe
        learn(LANE, probe, SPAM)
        probe = admit(LANE, 10)
        assert probe.is_probe
        give_back(LANE, probe, used=0)
        assert admit(LANE, 10).is_probe


@pytest.mark.django_db(transaction=True)
def test_only_one_of_many_senders_tries() -> None:
    with after(0):
        report(*[FAULT] * 5)

    def look(number: int) -> int:
        try:
            return admit(LANE, 10).most
        finally:
            connections.close_all()

    with after(31), ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(look, range(12))) == 1


def test_a_refusal_of_our_domain_opens_it_at_once_and_names_it() -> None:
    with after(0):
        report(POLICY, ACCEPTED)
        assert not is_open()
        assert Lane.objects.get(pk=LANE).detail == "5.7.515"


@pytest.mark.parametrize(
    ("asked", "seconds"), [(None, 1), (17, 17), (1e12, 21_600), (0, 1), (-5, 1), (float("nan"), 1)]
)
def test_too_many_closes_the_lane_for_as_long_as_asked(asked: float | None, seconds: float) -> None:
    with after(0):
        report(Outcome("not_sent", retry_after=asked, cause=Cause.THROTTLED), ACCEPTED)
        assert closed_for() == seconds
        assert not is_open()
    with after(seconds):
        assert is_open()


def test_a_provider_that_is_away_and_says_until_when_is_believed_at_once() -> None:
    with after(0):
        report(Outcome("not_sent", detail="503", retry_after=90, cause=Cause.PROVIDER))
        assert closed_for() == 90
        assert Lane.objects.get(pk=LANE).opened_at is None
    with after(90):
        assert is_open()


def test_whoever_looks_after_it_is_called_once_for_each_time(caplog: pytest.LogCaptureFixture) -> None:
    told: list[tuple[str, str]] = []

    def tell(lane: str, detail: str, **kwargs: Any) -> None:
        told.append((lane, detail))
        raise ZeroDivisionError

    lane_broken.connect(tell)
    try:
        with after(0):
            report(*[FAULT] * 20, POLICY)
        with after(31):
            report(FAULT)
        with after(92):
            report(ACCEPTED, POLICY)
    finally:
        lane_broken.disconnect(tell)
    assert told == [(LANE, "nobody there"), (LANE, "5.7.515")]
    said = [record.levelname for record in caplog.records if getattr(record, "action", "") == "lane.broken"]
    assert said == ["ERROR"] * 2


def test_too_many_without_a_time_doubles_but_not_within_a_wave() -> None:
    seconds = 0.0
    pauses = []
    for _time in range(4):
        with after(seconds):
            report(*[THROTTLED] * 10)
            closed = closed_for()
            assert closed is not None
            pauses.append(closed - seconds)
            seconds = closed
    assert pauses == [1, 2, 4, 8]
    with after(seconds):
        report(ACCEPTED, THROTTLED)
        assert closed_for() == seconds + 1


def test_a_person_may_have_it_tried_at_once() -> None:
    with after(0):
        report(*[FAULT] * 5)
        try_lane(LANE)
        assert admit(LANE, 10).is_probe


def test_a_server_that_is_away_costs_no_message_its_life(
    queue_message: QueueMessage, sink: Sink, settings: Any
) -> None:
    """Forty messages used to be tried and put off one by one, each longer and longer."""
    account = {"default": smtp_account(1)}
    settings.TRIGGERS = {**settings.TRIGGERS, "EMAIL_ACCOUNTS": account, "SEND_CONCURRENCY": 5}
    for _time in range(20):
        queue_message()
    assert deliver(LANE).looked_at == 5
    assert deliver(LANE).looked_at == 0
    tried = Message.objects.filter(attempt=1)
    assert {one.state for one in tried} == {"queued"}
    assert "the provider does not take messages now" in say(tried[0].reason, tried[0].reason_data)
    settings.TRIGGERS = {**settings.TRIGGERS, "EMAIL_ACCOUNTS": {"default": smtp_account(sink.port)}}
    try_lane(LANE)
    Message.objects.update(send_after=START - timedelta(days=3650))
    assert deliver(LANE).accepted == 20
    assert Lane.objects.get(pk=LANE).opened_at is None


def test_nobody_at_the_address_ends_the_address(queue_message: QueueMessage, sink: Sink) -> None:
    message, other = queue_message(), queue_message()
    sink.rcpt[message.contact.email.partition("@")[0]] = "550 5.1.1 no such user"
    deliver(LANE)
    message.refresh_from_db()
    assert message.state == "failed"
    suppression = Suppression.objects.get()
    assert (suppression.address, suppression.reason) == (message.contact.email_key, "bounce")
    assert "@" not in suppression.note
    deliver(queue_message(message.contact).lane)
    assert Message.objects.filter(state="suppressed").count() == 1
    assert [envelope.rcpt_tos for envelope in sink.taken] == [[other.contact.email]]


def test_a_policy_refusal_keeps_the_message_and_never_ends_the_address(
    queue_message: QueueMessage, sink: Sink
) -> None:
    message = queue_message()
    sink.rcpt[message.contact.email.partition("@")[0]] = "550 5.7.515 Access denied, your domain"
    deliver(LANE)
    message.refresh_from_db()
    assert message.state == "queued"
    assert not Suppression.objects.exists()
    assert Lane.objects.get(pk=LANE).opened_at is not None
    assert not mail.outbox
