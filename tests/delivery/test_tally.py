"""The counts by day: written once a run, right to the last message, and the same when they are made anew."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from anymail.signals import AnymailTrackingEvent, tracking
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.build import draft_chain, make_contact
from tests.delivery.conftest import QueueMessage
from triggers.delivery.claim import claim
from triggers.delivery.lane import Admission
from triggers.delivery.outcome import Outcome
from triggers.delivery.record import settle
from triggers.delivery.send import deliver
from triggers.delivery.tally import Tally, count_report, day_of, recount
from triggers.models import Chain, ChainDay, Message, MessageState
from triggers.testing import database_clock

pytestmark = pytest.mark.django_db

LANE = "email.marketing"


@pytest.fixture
def chain() -> Chain:
    return draft_chain([("bye", "exit", {})])


def figures(**key: Any) -> list[tuple[int, ...]]:
    rows = ChainDay.objects.filter(**key).order_by("day", "channel", "message_class")
    return list(rows.values_list("sent", "bounced", "complained", "failed", "failing"))


def test_a_run_counts_what_left_and_what_failed(chain: Chain, queue_message: QueueMessage) -> None:
    other = draft_chain([("bye", "exit", {})], key="other")
    for _number in range(3):
        queue_message(chain=chain)
    queue_message(chain=chain, template_key="deleted")
    queue_message(chain=other)
    queue_message()
    # Not allowed: neither sent nor failed.
    queue_message(make_contact(50, agrees=False), chain=other)
    deliver(LANE)
    assert figures(chain=chain) == [(3, 0, 0, 1, 0)]
    assert figures(chain=other) == [(1, 0, 0, 0, 0)]
    assert ChainDay.objects.count() == 2


def test_statements_of_counting_do_not_grow_with_the_messages(
    chain: Chain, queue_message: QueueMessage
) -> None:
    counts = []
    for number in (1, 8):
        for _number in range(number):
            queue_message(chain=chain)
        with CaptureQueriesContext(connection) as queries:
            deliver(LANE)
        counts.append(sum("triggers_chainday" in query["sql"] for query in queries))
    # The first time the day's row is made; afterwards it is one statement a run.
    assert counts == [3, 1]
    assert figures() == [(9, 0, 0, 0, 0)]


def test_a_new_day_is_a_new_row(chain: Chain, queue_message: QueueMessage) -> None:
    queue_message(chain=chain)
    deliver(LANE)
    with database_clock(timezone.now() + timedelta(days=1)):
        queue_message(chain=chain)
        deliver(LANE)
    assert figures() == [(1, 0, 0, 0, 0)] * 2


def test_failures_in_a_row_go_over_runs_and_end_with_a_success(chain: Chain) -> None:
    def run(*states: str) -> int:
        tally = Tally(LANE)
        for state in states:
            tally.note(chain.pk, MessageState(state))
        tally.write()
        return ChainDay.objects.get().failing

    assert run("failed", "failed") == 2
    assert run("failed", "unknown", "queued") == 3
    assert run("failed", "accepted", "failed") == 1
    assert run("accepted") == 0
    assert run("unknown") == 0
    assert figures() == [(2, 0, 0, 5, 0)]


def test_counting_never_breaks_a_run(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    tally = Tally(LANE)
    tally.note(chain.pk, MessageState.ACCEPTED)

    def breaks() -> None:
        raise RuntimeError("the clock is gone")

    monkeypatch.setattr("triggers.delivery.tally.read_clock", breaks)
    tally.write()
    assert not ChainDay.objects.exists()


def test_reports_count_on_the_day_of_the_sending(chain: Chain, queue_message: QueueMessage) -> None:
    message = queue_message(chain=chain)
    deliver(LANE)
    message.refresh_from_db()
    with database_clock(timezone.now() + timedelta(days=3)):
        count_report(message, MessageState.DELIVERED)
        count_report(message, MessageState.BOUNCED)
        count_report(message, MessageState.COMPLAINED)
    assert figures() == [(1, 1, 1, 0, 0)]


def test_a_report_of_a_message_whose_sender_died_counts_it_as_sent(
    chain: Chain, queue_message: QueueMessage
) -> None:
    count_report(queue_message(chain=chain), MessageState.DELIVERED)
    count_report(queue_message(chain=chain), MessageState.BOUNCED)
    count_report(queue_message(), MessageState.BOUNCED)
    assert figures() == [(2, 1, 0, 0, 0)]


def test_the_counts_can_be_made_anew(chain: Chain, queue_message: QueueMessage) -> None:
    for template in ("reminder",) * 5 + ("deleted",):
        queue_message(chain=chain, template_key=template)
    queue_message()
    deliver(LANE)
    messages = list(Message.objects.filter(state="accepted", chain=chain).order_by("pk"))
    for one, state in zip(messages, ("bounced", "complained"), strict=False):
        count_report(one, MessageState(state))
        Message.objects.filter(pk=one.pk).update(state=state)
    ChainDay.objects.all().forget()
    before = list(ChainDay.objects.order_by("day").values())
    assert figures() == [(5, 1, 1, 1, 0)]
    ChainDay.objects.update(sent=99, bounced=0, complained=7, failed=3)
    older = ChainDay.objects.create(
        chain=chain,
        day=day_of(timezone.now() - timedelta(days=40)),
        channel="email",
        message_class="marketing",
        sent=7,
    )
    assert recount(day_of(timezone.now() - timedelta(days=60))) == 1
    after = list(ChainDay.objects.exclude(pk=older.pk).values())
    assert [{**row, "id": 0} for row in after] == [{**row, "id": 0} for row in before]
    # There are no messages of that time any more, so what was counted then stays.
    assert ChainDay.objects.get(pk=older.pk).sent == 7


def test_what_was_counted_of_purged_days_stays(
    chain: Chain, queue_message: QueueMessage, settings: Any
) -> None:
    """An old message that is kept does not speak for those of its day that went."""
    settings.TRIGGERS = {**settings.TRIGGERS, "RETENTION": {"messages": 60}}
    now = timezone.now()
    today = day_of(now)
    for ago in (90, 61, 60, 59):
        key = {"channel": "email", "message_class": "marketing", "sent": 7}
        ChainDay.objects.create(chain=chain, day=today - timedelta(days=ago), **key)
    kept = queue_message(chain=chain, state="unknown")
    Message.objects.filter(pk=kept.pk).update(created_at=timezone.now() - timedelta(days=100))
    with database_clock(now):
        recount(today - timedelta(days=95))
    # Of the day on which the age falls, part may be gone.
    assert list(ChainDay.objects.order_by("day").values_list("day", flat=True)) == [
        today - timedelta(days=ago) for ago in (90, 61, 60)
    ]


def test_an_age_that_cannot_be_meant_counts_nothing(queue_message: QueueMessage, settings: Any) -> None:
    queue_message()
    settings.TRIGGERS = {**settings.TRIGGERS, "RETENTION": {"messages": 5}}
    with pytest.raises(CommandError, match="RETENTION"):
        call_command("triggers_recount", skip_checks=True)


def test_nothing_can_be_made_anew_from_nothing(chain: Chain) -> None:
    ChainDay.objects.create(
        chain=chain, day=day_of(timezone.now()), channel="email", message_class="marketing"
    )
    assert recount(day_of(timezone.now())) == 0
    assert ChainDay.objects.exists()


def test_a_report_that_was_faster_than_the_sender_is_counted_once(
    chain: Chain, queue_message: QueueMessage
) -> None:
    for _number in range(3):
        queue_message(chain=chain)
    taken = sorted(claim(LANE, 10).ready, key=lambda one: one.id)
    message = Message.objects.earliest("pk")
    event = AnymailTrackingEvent(event_type="sent", metadata={"triggers_message": str(message.uid)})
    tracking.send(sender=object, event=event, esp_name="Test")
    tally = Tally(LANE)
    settle([(one, Outcome("accepted"), Admission(10)) for one in taken], tally)
    tally.write()
    assert figures() == [(3, 0, 0, 0, 0)]
    assert set(Message.objects.values_list("state", flat=True)) == {"accepted"}
