"""One look for work: which shards and lanes have something to do now. The database is the queue."""

from __future__ import annotations

import random
from dataclasses import dataclass

from triggers.crashpoints import crash_point
from triggers.delivery.send import deliver, lanes_with_work, settle_abandoned
from triggers.engine.publish import finish_releases
from triggers.engine.shards import with_work
from triggers.engine.turn import turn
from triggers.heartbeat import beat


@dataclass(frozen=True, slots=True)
class Work:
    """Shards with events or due journeys, in random order so that none waits for the same ones; lanes with letters."""

    shards: tuple[int, ...]
    lanes: tuple[str, ...]


def find_work() -> Work:
    """Look, and leave a sign of life. Costs a few index probes, whatever the backlog."""
    beat("tick")
    settle_abandoned()
    crash_point("tick.settled")
    finish_releases()
    shards = with_work()
    random.shuffle(shards)
    return Work(tuple(shards), tuple(lanes_with_work()))


def take_turn(*shards: int) -> int:
    """A turn over shards, with a sign of life if there was something to do. Returns how many events and steps."""
    result = turn(*shards)
    done = result.events + result.steps
    if done:
        beat("turn", times=done)
    return done


def do_work() -> int:
    """Find all there is and do it here and now, without a broker. Returns how many events, steps and messages."""
    done = take_turn(*find_work().shards)
    for lane in lanes_with_work():
        done += deliver(lane).looked_at
    return done
