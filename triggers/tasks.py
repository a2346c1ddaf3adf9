"""Celery tasks: doorbells that carry no work. Losing one costs a tick, getting one twice costs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from celery import shared_task
from celery.signals import worker_init, worker_shutting_down

from triggers.conf import settings
from triggers.crashpoints import crash_point
from triggers.delivery import send as sending
from triggers.delivery.lane import lanes_with_work
from triggers.drain import start_draining, stop_draining
from triggers.engine import purge as purging
from triggers.engine.audience.learn import learn as learn_traits
from triggers.engine.audience.membership import look_at_segments
from triggers.engine.fan_out import fan_out
from triggers.workload import find_work, gives_way, look_after, take_turn

# Shards that one worker is rung for: few enough to spread a wave over the workers, enough to fill its batches.
SHARDS_A_BELL = 8
# A purge that has more to do goes on the next day, and holds no worker for longer than this.
PURGE_SECONDS = 1800.0


@worker_init.connect
def begin(**kwargs: Any) -> None:
    stop_draining()


@worker_shutting_down.connect
def drain(**kwargs: Any) -> None:
    """SIGTERM: the warm shutdown waits for running tasks, so they had better end soon."""
    start_draining()


@shared_task(name="triggers.tick", ignore_result=True)
def tick() -> None:
    """Ring for every shard and lane that has work; a bell that nobody hears in time is forgotten."""
    work = find_work()
    crash_point("tick.before_bells")
    expires = 10 * settings.TICK_SECONDS
    for start in range(0, len(work.shards), SHARDS_A_BELL):
        turn.apply_async((work.shards[start : start + SHARDS_A_BELL],), expires=expires)
    for lane in work.lanes:
        deliver.apply_async((lane,), expires=expires)
    if work.has_fanouts:
        give_out.apply_async(expires=expires)


@shared_task(name="triggers.turn", ignore_result=True)
def turn(shards: Sequence[int]) -> None:
    """One turn over some shards; letters it queued are rung for at once, not at the next tick."""
    if take_turn(*shards):
        crash_point("task.before_bells")
        for lane in lanes_with_work():
            deliver.apply_async((lane,), expires=10 * settings.TICK_SECONDS)


@shared_task(name="triggers.fan_out", ignore_result=True)
def give_out() -> None:
    """Slices of fan-outs, until none is due or a few seconds are over."""
    fan_out()


@shared_task(name="triggers.deliver", ignore_result=True)
def deliver(lane: str) -> None:
    """One sender's run over a lane, if there is something to do: another release may have rung for one of its own."""
    if lane in lanes_with_work():
        sending.deliver(lane, gives_way=gives_way)
    crash_point("task.before_ack")


@shared_task(name="triggers.watch", ignore_result=True)
def watch() -> None:
    """Once a minute: pause chains that do harm, plan what the calendar brings, make the tables' next months, finish
    merges and erasures."""
    look_after()


@shared_task(name="triggers.purge", ignore_result=True)
def purge() -> None:
    """Once a day: delete what is old enough."""
    purging.purge(PURGE_SECONDS)


@shared_task(name="triggers.segments", ignore_result=True)
def segments() -> None:
    """Every few minutes: who came into a segment, and who left it."""
    look_at_segments()


@shared_task(name="triggers.learn", ignore_result=True)
def learn() -> None:
    """Once a day: what contacts like, and what buyers they are."""
    learn_traits()
