"""One look for work: which shards and lanes have something to do now. The database is the queue."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass
from datetime import timedelta

from triggers.accounts import CLASSES, parse_lane
from triggers.clock import DatabaseNow
from triggers.conf import settings
from triggers.crashpoints import crash_point
from triggers.delivery.expire import expire_overdue
from triggers.delivery.lane import lanes_with_work
from triggers.delivery.send import deliver
from triggers.delivery.unknown import send_unknown_again, settle_abandoned
from triggers.delivery.watch import watch_chains
from triggers.delivery.watch_lanes import watch_lanes
from triggers.engine.fan_out import fan_out, has_fanouts
from triggers.engine.leftovers import finish_leftovers
from triggers.engine.look import with_work
from triggers.engine.partitions import make_partitions
from triggers.engine.plan import plan_fanouts
from triggers.engine.publish import finish_releases
from triggers.engine.shards import read_clock
from triggers.engine.turn import turn
from triggers.heartbeat import beat
from triggers.logs import note
from triggers.models import Message, MessageState

logger = logging.getLogger(__name__)

# Between two looks at who came into a segment and who left it.
SEGMENT_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Work:
    """Shards with events or due journeys, in random order so that none waits for the same ones; lanes with letters;
    whether a fan-out has a slice to be taken."""

    shards: tuple[int, ...]
    lanes: tuple[str, ...]
    has_fanouts: bool


def find_work() -> Work:
    """Look, and leave a sign of life. Costs a few index probes, whatever the backlog."""
    beat("tick")
    settle_abandoned()
    crash_point("tick.settled")
    send_unknown_again()
    expire_overdue()
    finish_releases()
    shards = with_work()
    random.shuffle(shards)
    return Work(tuple(shards), tuple(lanes_with_work()), has_fanouts())


def take_turn(*shards: int) -> int:
    """A turn over shards, with a sign of life if there was something to do. Returns how many events and steps."""
    result = turn(*shards)
    done = result.events + result.steps
    if done:
        note(logger, logging.DEBUG, "turn.done", events=result.events, steps=result.steps)
        beat("turn", times=done)
    return done


def do_work() -> int:
    """Find all there is and do it here and now, without a broker. Returns how many events, steps and messages."""
    work = find_work()
    done = fan_out(seconds=0) if work.has_fanouts else 0
    done += take_turn(*work.shards)
    for lane in lanes_with_work():
        done += deliver(lane, gives_way=_is_needed_elsewhere).looked_at
    return done


def look_after() -> None:
    """What is to be done once a minute: pause chains that do harm, write down what the calendar brings, tell of lanes that need a
    person, have the tables' next months ready, finish what merging and erasing left behind."""
    watch_chains()
    plan_fanouts()
    finish_leftovers()
    watch_lanes()
    make_partitions(read_clock())


def gives_way(lane: str) -> bool:
    """Whether a sender should leave a lane because messages of a class before it have waited for it.

    Two ticks: less is what they wait anyway while other senders are on them.
    """
    before = CLASSES[: CLASSES.index(parse_lane(lane).message_class)]
    if not before:
        return False
    late = DatabaseNow() - timedelta(seconds=2 * settings.TICK_SECONDS)
    waiting = Message.objects.filter(state=MessageState.QUEUED, send_after__lte=late)
    lanes = [name for name in lanes_with_work() if parse_lane(name).message_class in before]
    return any(waiting.filter(lane=name).exists() for name in lanes)


def _is_needed_elsewhere(lane: str) -> bool:
    """The same for a process that moves the journeys as well: nobody else might queue what is urgent."""
    return bool(with_work()) or gives_way(lane)
