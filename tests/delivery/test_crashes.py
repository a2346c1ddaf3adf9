"""A letter whose making ends the process is found, tried alone, and set aside; its neighbours leave."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import OperationalError
from django.db.models import F
from django.utils import timezone

from tests.delivery.conftest import QueueMessage
from triggers.clock import DatabaseNow
from triggers.core.words import say
from triggers.delivery import claim as claiming
from triggers.delivery.crashes import MOST_CRASHES, Run, alive_seconds, find_suspects
from triggers.delivery.retry import retry_messages
from triggers.delivery.send import deliver
from triggers.models import Message, SenderRun

pytestmark = pytest.mark.django_db

LANE = "email.marketing"


class Death(BaseException):
    """In place of the process's end: nothing of ours catches it, so only what was committed stays."""


def bury(*, ago: float = 1) -> None:
    """A run whose process died, found out `ago` seconds back."""
    SenderRun.objects.create(lane=LANE, alive_until=timezone.now() - timedelta(seconds=ago))


def die(most: int = 10) -> list[int]:
    """A claim that ends the process. Returns the ids of what was counted."""
    with patch.object(claiming, "_render", side_effect=Death), pytest.raises(Death):
        Run(LANE).claim(most)
    SenderRun.objects.update(alive_until=timezone.now() - timedelta(seconds=0.5))
    Message.objects.filter(lease_until__isnull=False, state="queued").update(lease_until=F("send_after"))
    return sorted(Message.objects.filter(crashes__gt=0).values_list("pk", flat=True))


def test_a_run_is_on_record_from_its_first_claim_to_its_end(
    queue_message: QueueMessage, django_assert_num_queries: Any
) -> None:
    queue_message(state="sent")
    with Run(LANE) as run:
        assert not SenderRun.objects.exists()
        run.claim(1)
        (row,) = SenderRun.objects.annotate(now=DatabaseNow())
        assert timedelta(0) < row.alive_until - row.now <= timedelta(seconds=alive_seconds(LANE))
        with django_assert_num_queries(3):
            # A transaction, and the look into an empty queue: nothing more than without a run.
            run.claim(1)
    assert not SenderRun.objects.exists()


def test_a_run_that_breaks_off_leaves_no_evidence(queue_message: QueueMessage) -> None:
    queue_message()
    with patch.object(claiming, "_render", side_effect=OperationalError), pytest.raises(OperationalError):
        deliver(LANE)
    assert not SenderRun.objects.exists()


def test_a_long_run_is_not_taken_for_a_dead_one(queue_message: QueueMessage) -> None:
    run = Run(LANE)
    run.claim(1)
    assert find_suspects(LANE) is None
    SenderRun.objects.update(alive_until=timezone.now() - timedelta(seconds=1))
    assert find_suspects(LANE) is not None
    run._renews_at = 0
    run.claim(1)
    assert not SenderRun.objects.filter(alive_until__lt=DatabaseNow()).exists()
    # Somebody took it for dead and cleared it away: it is on record again.
    SenderRun.objects.all().delete()
    run._renews_at = 0
    run.claim(1)
    assert SenderRun.objects.count() == 1


def test_of_another_lane_is_no_evidence(queue_message: QueueMessage) -> None:
    SenderRun.objects.create(lane="sms.marketing", alive_until=timezone.now() - timedelta(seconds=1))
    assert find_suspects(LANE) is None


def test_letters_that_were_near_by_chance_leave(queue_message: QueueMessage) -> None:
    """Who was killed for another reason costs nobody his letter, and the evidence goes."""
    for _time in range(25):
        queue_message()
    bury()
    assert deliver(LANE).accepted == 25
    assert set(Message.objects.values_list("state", "crashes")) == {("accepted", 0)}
    assert not SenderRun.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_crash_is_counted_and_the_next_time_each_is_tried_alone(queue_message: QueueMessage) -> None:
    early = [queue_message().pk for _time in range(3)]
    bury()
    assert die() == early
    assert set(Message.objects.filter(pk__in=early).values_list("crashes", flat=True)) == {1}
    assert die() == early
    # Only the first of them was in the claim that died the second time.
    assert list(Message.objects.order_by("pk").values_list("crashes", flat=True)) == [2, 1, 1]
    assert die() == early
    assert list(Message.objects.order_by("pk").values_list("crashes", flat=True)) == [3, 1, 1]
    deliver(LANE)
    guilty, *others = Message.objects.order_by("pk")
    assert (guilty.state, guilty.pk) == ("failed", early[0])
    assert say(guilty.reason, guilty.reason_data) == (
        "the process ended 3 times while this letter was being made"
    )
    assert {(one.state, one.crashes) for one in others} == {("accepted", 0)}
    assert retry_messages([guilty.pk]) == 1
    assert deliver(LANE).accepted == 1


@pytest.mark.django_db(transaction=True)
def test_what_is_in_hand_is_counted_by_nobody_else_and_others_go_on(queue_message: QueueMessage) -> None:
    """Between being counted and being locked a message is in the hands of one sender."""
    suspect = queue_message()
    bury(ago=0.5)
    suspects = find_suspects(LANE)
    assert suspects is not None
    assert suspects._count(10) == ([suspect.pk], [])
    assert suspects._count(10) == ([], [])
    other = queue_message(send_after=timezone.now())
    again = find_suspects(LANE)
    assert again is not None
    taken = again.claim(10, None)
    assert taken is not None
    assert [one.id for one in taken.ready] == [other.pk]
    assert SenderRun.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_error_is_no_crash(queue_message: QueueMessage) -> None:
    message = queue_message()
    bury()
    with patch.object(claiming, "_render", side_effect=OperationalError), pytest.raises(OperationalError):
        deliver(LANE)
    message.refresh_from_db()
    assert (message.crashes, message.lease_until, message.state) == (0, None, "queued")


@pytest.mark.django_db(transaction=True)
def test_one_that_may_have_left_before_ends_in_doubt(queue_message: QueueMessage) -> None:
    message = queue_message(crashes=MOST_CRASHES, unknown_since=timezone.now(), attempt=1)
    bury()
    deliver(LANE)
    message.refresh_from_db()
    assert message.state == "unknown"
