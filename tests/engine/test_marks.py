"""What a worker remembers of the due index saves it work, and never hides a journey for long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import triggers
from tests.build import live_chain, make_contact
from triggers.engine import marks
from triggers.engine.claim import choose
from triggers.engine.journeys import release_journeys
from triggers.engine.look import with_work
from triggers.engine.marks import SWEEP, Mark, lowest
from triggers.engine.turn import turn
from triggers.models import Journey, Shard
from triggers.testing import database_clock

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WAITS = [("wait", "wait", {"amount": 1, "unit": "hours"}), ("bye", "exit", {})]


@pytest.mark.parametrize(
    ("now", "rewinds", "holds"),
    [
        (NOON, 3, True),
        (NOON + SWEEP - MINUTE, 3, True),
        # A read from the bottom is due again.
        (NOON + SWEEP, 3, False),
        # The database's clock was set back.
        (NOON - MINUTE, 3, False),
        # A chain was released meanwhile.
        (NOON, 4, False),
    ],
)
def test_a_mark_holds(now: datetime, rewinds: int, holds: bool) -> None:
    assert Mark(NOON - MINUTE, 7, NOON, 3).holds(now, rewinds) is holds


def test_a_common_start_leaves_out_nothing_of_any_shard() -> None:
    early = Mark(NOON, 7, NOON, 0)
    late = Mark(NOON + MINUTE, 1, NOON - MINUTE, 0)
    start = lowest([late, early])
    assert start
    assert (start.due_at, start.pk, start.swept_at) == (NOON, 7, NOON - MINUTE)
    assert lowest([early, None]) is None
    assert lowest([]) is None


def test_a_deep_shard_is_taken_alone() -> None:
    marks.claimed[2] = Mark(NOON, 1, NOON, 0, is_deep=True)
    marks.claimed[3] = Mark(NOON, 1, NOON, 0)
    assert choose([1, 2, 3, 4]) == [1]
    assert choose([2, 3, 4]) == [2]
    assert choose([3, 4]) == [3, 4]
    assert len(choose(range(10, 60))) == 8
    assert choose([3, 4, 5], {4}) == [3]
    assert choose([4, 5], {4}) == [4]


def enter(*numbers: int, shard: int = 1) -> None:
    for number in numbers:
        triggers.capture("add_to_cart", contact=make_contact(number, agrees=False, pk=number * 64 + shard))


def claims_from_a_mark(moment: datetime) -> bool:
    """Whether the turn at a moment began its claim behind a mark."""
    with database_clock(moment), CaptureQueriesContext(connection) as queries:
        turn(1)
    (claim,) = [
        query["sql"] for query in queries if '"sha256"' in query["sql"] or "`sha256`" in query["sql"]
    ][:1]
    return " >= " in claim


@pytest.mark.django_db
def test_a_claim_goes_on_where_the_last_one_ended() -> None:
    live_chain(WAITS)
    start = timezone.now()
    assert not claims_from_a_mark(start)
    assert claims_from_a_mark(start + MINUTE)
    assert not claims_from_a_mark(start + SWEEP)
    Shard.objects.update(rewinds=1)
    assert not claims_from_a_mark(start + SWEEP + MINUTE)


@pytest.mark.django_db
def test_after_a_rollback_a_claim_begins_at_the_bottom(monkeypatch: pytest.MonkeyPatch) -> None:
    live_chain(WAITS)
    enter(1)
    start = timezone.now()
    turn(1)
    assert 1 in marks.claimed

    def dies(*args: Any) -> Any:
        raise KeyboardInterrupt

    later = start + timedelta(hours=2)
    with monkeypatch.context() as patched, database_clock(later):
        patched.setattr("triggers.engine.turn.fire_due", dies)
        with pytest.raises(KeyboardInterrupt):
            turn(1)
    assert 1 not in marks.claimed
    with database_clock(later):
        assert turn(1).steps == 1


@pytest.mark.django_db
def test_what_a_released_chain_makes_due_in_the_past_is_seen_at_once() -> None:
    chain = live_chain(WAITS)
    enter(1)
    start = timezone.now()
    turn(1)
    parked_until = start + timedelta(hours=1)
    Journey.objects.update(status="paused", due_at=None, resume_due_at=parked_until)
    later = start + timedelta(hours=3)
    for moment in (later, later + MINUTE):
        with database_clock(moment):
            assert with_work() == []
            turn(1)
    with database_clock(later + 2 * MINUTE):
        release_journeys(chain.pk)
        assert Journey.objects.get().due_at == parked_until
        assert with_work() == [1]
        assert turn(1).steps == 1


@pytest.mark.django_db
def test_a_look_does_not_read_again_what_has_moved_on() -> None:
    live_chain(WAITS)
    start = timezone.now()
    looks = []
    for moment in (start, start + MINUTE, start + SWEEP):
        with database_clock(moment), CaptureQueriesContext(connection) as queries:
            with_work()
        looks.append([" >= " in query["sql"] for query in queries])
    # The third begins behind a mark, learns from the clock that it is too old, and begins again.
    assert looks == [[False], [True], [True, False]]


@pytest.mark.django_db
def test_events_of_several_shards_are_one_batch() -> None:
    live_chain(WAITS)
    enter(1, 2, shard=1)
    enter(3, shard=2)
    enter(4, shard=3)
    with CaptureQueriesContext(connection) as queries:
        assert turn(1, 2, 3).events == 4
    written = [query["sql"] for query in queries if query["sql"].startswith("INSERT")]
    assert sum("triggers_entryledger" in sql for sql in written) == 1
    assert Journey.objects.count() == 4


@pytest.mark.django_db
@pytest.mark.parametrize("batch", [1, 2, 3, 4])
def test_a_batch_that_is_full_of_events_leaves_the_rest_for_the_next(settings: Any, batch: int) -> None:
    settings.TRIGGERS = {**settings.TRIGGERS, "TURN_BATCH": batch}
    live_chain(WAITS)
    enter(1, 2, 3, shard=1)
    enter(4, shard=2)
    enter(5, 6, shard=3)
    first = turn(1, 2, 3, seconds=0)
    assert first.events == batch
    assert turn(1, 2, 3).is_done
    assert Journey.objects.count() == 6


@pytest.mark.django_db
def test_a_claim_that_was_cut_does_not_hide_what_becomes_due_again_at_its_own_moment(settings: Any) -> None:
    """A step that changes the contact leaves its journey due at once; those before the cut waited for five minutes."""
    settings.TRIGGERS = {**settings.TRIGGERS, "TURN_BATCH": 6}
    tag = ("tag", "change_contact", {"add_tags": ["x"]})
    for key in ("first", "second"):
        live_chain([tag, ("bye", "exit", {})], key=key)
    enter(1, 2, 3, 4, 5)
    start = timezone.now()
    for number in range(1, 8):
        with database_clock(start + timedelta(seconds=1.5 * number)):
            turn(1, seconds=0)
    assert not Journey.objects.filter(status="active").exists()
