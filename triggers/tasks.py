"""Celery tasks: doorbells that carry no work. Losing one costs a tick, getting one twice costs nothing."""

from __future__ import annotations

from celery import shared_task

from triggers.conf import settings
from triggers.delivery import send as sending
from triggers.engine import turn as engine
from triggers.heartbeat import beat
from triggers.workload import find_work


@shared_task(name="triggers.tick", ignore_result=True)
def tick() -> None:
    """Ring for every shard and lane that has work; a bell that nobody hears in time is forgotten."""
    work = find_work()
    expires = 10 * settings.TICK_SECONDS
    for shard in work.shards:
        turn.apply_async((shard,), expires=expires)
    for lane in work.lanes:
        deliver.apply_async((lane,), expires=expires)


@shared_task(name="triggers.turn", ignore_result=True)
def turn(shard: int) -> None:
    """One turn over a shard; letters it queued are rung for at once, not at the next tick."""
    result = engine.turn(shard)
    if result.events or result.steps:
        beat("turn", times=result.events + result.steps)
        for lane in sending.lanes_with_work():
            deliver.apply_async((lane,), expires=10 * settings.TICK_SECONDS)


@shared_task(name="triggers.deliver", ignore_result=True)
def deliver(lane: str) -> None:
    """One sender's run over a lane."""
    sending.deliver(lane)
