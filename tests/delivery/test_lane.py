"""The gate of a lane: pause, rate, closing; the same for any number of senders."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from tests.build import make_template
from tests.delivery.conftest import QueueMessage
from triggers.delivery.lane import (
    Admission,
    admit,
    burst_of,
    give_back,
    lanes_with_work,
    pause_lane,
    resume_lane,
    try_lane,
)
from triggers.delivery.send import deliver
from triggers.models import Lane, Message
from triggers.testing import database_clock

LANE = "email.marketing"
START = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def rate(settings: Any) -> Any:
    """`rate(14)` limits the default mail account."""

    def limit(value: Any) -> None:
        account = {"BACKEND": None, "RATE": value}
        settings.TRIGGERS = {**settings.TRIGGERS, "EMAIL_ACCOUNTS": {"default": account}}

    return limit


def leased(lane: str = LANE, most: int = 10) -> int:
    return admit(lane, most).most


@pytest.mark.django_db
def test_a_lane_without_rate_and_trouble_costs_one_read(django_assert_num_queries: Any) -> None:
    assert admit(LANE, 10) == Admission(10)
    with django_assert_num_queries(1):
        assert admit(LANE, 10) == Admission(10)


@pytest.mark.django_db
def test_no_more_leaves_than_the_rate_and_a_little_burst(rate: Any) -> None:
    rate(20)
    with database_clock(START):
        assert (leased(), leased()) == (5, 0)
    with database_clock(START + timedelta(seconds=0.1)):
        assert leased() == 2
    with database_clock(START + timedelta(hours=1)):
        assert leased(most=3) == 3
        assert leased() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(("most", "seconds"), [(10, 0.125), (1, 0.05)])
def test_one_sender_waits_for_tokens_and_the_others_go(rate: Any, most: int, seconds: float) -> None:
    """A lane with a rate used to hold one more worker with each tick, until there was none left."""
    rate(20)
    with database_clock(START):
        assert leased() == 5
        assert admit(LANE, most).seconds == pytest.approx(seconds)
        assert admit(LANE, most) == Admission(0)
    with database_clock(START + timedelta(seconds=0.02)):
        assert admit(LANE, most) == Admission(0)
    with database_clock(START + timedelta(seconds=seconds)):
        assert leased(most=most) == max(1, int(20 * seconds))
        assert admit(LANE, most).seconds is not None


@pytest.mark.django_db
def test_nobody_waits_for_tokens_that_are_far(rate: Any) -> None:
    rate(0.1)
    with database_clock(START):
        assert leased() == 1
        assert admit(LANE, 10) == Admission(0)


@pytest.mark.django_db
def test_a_rate_below_one_a_second_lets_one_leave_at_a_time(rate: Any) -> None:
    rate(0.1)
    with database_clock(START):
        assert (leased(), leased()) == (1, 0)
    with database_clock(START + timedelta(seconds=9.9)):
        assert leased() == 0
    with database_clock(START + timedelta(seconds=10)):
        assert leased() == 1


@pytest.mark.django_db
def test_the_classes_have_their_own_rates(rate: Any) -> None:
    rate({"marketing": 4})
    with database_clock(START):
        assert leased() == 1
        assert leased("email.transactional") == 10


@pytest.mark.django_db
def test_who_has_calls_under_way_does_not_take_the_place_of_the_one_who_waits(rate: Any) -> None:
    """It did, was kept out by itself when it came back, and went away from a queue that was not empty."""
    rate(4)
    with database_clock(START):
        assert leased() == 1
        assert admit(LANE, 10, can_wait=False).seconds is None
        assert admit(LANE, 10).seconds == pytest.approx(0.25)
        assert admit(LANE, 10).seconds is None


@pytest.mark.django_db
def test_unused_tokens_are_given_back_but_never_more_than_the_bucket_holds(rate: Any) -> None:
    rate(20)
    with database_clock(START):
        admission = admit(LANE, 10)
        give_back(LANE, admission, used=2)
        assert leased() == 3
        give_back(LANE, admission, used=0)
        give_back(LANE, admission, used=0)
        assert leased() == 5


@pytest.mark.django_db
def test_a_clock_that_goes_back_fills_nothing(rate: Any) -> None:
    rate(20)
    with database_clock(START):
        assert leased() == 5
    with database_clock(START - timedelta(hours=1)):
        assert leased() == 0
    with database_clock(START):
        assert leased() == 0
    with database_clock(START + timedelta(seconds=0.05)):
        assert leased() == 1


@pytest.mark.django_db(transaction=True)
def test_many_senders_together_keep_the_rate(rate: Any) -> None:
    """Each with a connection of its own; the moments come in any order."""
    rate(40)
    seconds, senders = 5, 4

    def send(number: int) -> int:
        try:
            return sum(leased(most=1 + (number + turn) % 7) for turn in range(6))
        finally:
            connections.close_all()

    total = 0
    with ThreadPoolExecutor(senders) as pool:
        for second in range(seconds + 1):
            with database_clock(START + timedelta(seconds=second)):
                total += sum(pool.map(send, range(senders)))
    assert total == (seconds + 1) * burst_of(40)
    assert total <= 40 * seconds + burst_of(40)


@pytest.mark.django_db
def test_a_rate_slows_a_run_down_instead_of_ending_it(rate: Any, queue_message: QueueMessage) -> None:
    rate(50)
    for _time in range(20):
        queue_message()
    assert deliver(LANE).accepted == 20
    assert Lane.objects.get(pk=LANE).filled_at is not None


@pytest.mark.django_db
def test_a_run_does_not_wait_for_tokens_beyond_its_time_or_for_nobody(
    rate: Any, queue_message: QueueMessage
) -> None:
    rate(0.001)
    message = queue_message()
    assert deliver(LANE).accepted == 1
    queue_message(message.contact)
    assert deliver(LANE).looked_at == 0


@pytest.mark.django_db
def test_a_paused_lane_sends_nothing_and_the_others_do(queue_message: QueueMessage) -> None:
    queue_message()
    queue_message(template=make_template("thanks", message_class="transactional"))
    pause_lane(LANE)
    assert lanes_with_work() == ["email.transactional"]
    assert (deliver(LANE).looked_at, deliver("email.transactional").accepted) == (0, 1)
    resume_lane(LANE)
    assert deliver(LANE).accepted == 1


@pytest.mark.django_db
def test_a_pause_stops_a_run_at_its_next_claim(queue_message: QueueMessage, settings: Any) -> None:
    settings.TRIGGERS = {**settings.TRIGGERS, "SEND_CONCURRENCY": 2}
    for _time in range(6):
        queue_message()
    asked = []

    def pause(lane: str) -> bool:
        asked.append(lane)
        if len(asked) == 2:
            pause_lane(lane)
        return False

    settings.TRIGGERS["TICK_SECONDS"] = 0
    assert deliver(LANE, gives_way=pause).accepted == 2
    assert Message.objects.filter(state="queued").count() == 4


@pytest.mark.django_db
def test_a_run_ends_when_others_need_the_sender(queue_message: QueueMessage, settings: Any) -> None:
    settings.TRIGGERS = {**settings.TRIGGERS, "TICK_SECONDS": 0}
    queue_message()
    assert deliver(LANE, gives_way=lambda lane: True).looked_at == 0


@pytest.mark.django_db
def test_a_lane_that_is_closed_has_no_work(queue_message: QueueMessage) -> None:
    queue_message()
    Lane.objects.create(name=LANE, closed_until=timezone.now() + timedelta(hours=1))
    assert lanes_with_work() == []
    assert admit(LANE, 10).until is not None
    with database_clock(timezone.now() + timedelta(hours=2)):
        assert lanes_with_work() == [LANE]


@pytest.mark.django_db
def test_the_end_of_a_pause_is_not_the_end_of_what_the_provider_asked_for() -> None:
    until = timezone.now() + timedelta(hours=1)
    Lane.objects.create(name=LANE, is_paused=True, closed_until=until)
    resume_lane(LANE)
    try_lane(LANE)
    assert admit(LANE, 10) == Admission(0, until=until)


@pytest.mark.django_db
def test_messages_of_an_account_that_is_gone_are_said_and_do_not_stay_for_ever(
    queue_message: QueueMessage,
) -> None:
    lane = f"{LANE}.bulk"
    message = queue_message(lane=lane, expires_at=timezone.now() + timedelta(days=1))
    Lane.objects.create(name=lane)
    assert lanes_with_work() == [lane]
    deliver(lane)
    message.refresh_from_db()
    assert message.state == "queued"
    assert "bulk" in message.reason_data["detail"]
    with database_clock(timezone.now() + timedelta(days=2)):
        deliver(lane)
    message.refresh_from_db()
    assert message.state == "expired"
