"""One worker's turn over shards: take their events, then fire their due journeys, until nothing is left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from triggers.conf import settings
from triggers.crashpoints import crash_point
from triggers.engine.advance import Bound, bound_of, claim_due, fire_due
from triggers.engine.match import match_events
from triggers.engine.shards import try_lock
from triggers.engine.sql import Row

# A bound is a hint, dropped now and then so that a full sweep always follows.
BOUND_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class TurnResult:
    """What a turn did. `is_busy`: another worker held one of the shards. `is_done`: nothing was left when it ended."""

    events: int = 0
    steps: int = 0
    is_busy: bool = False
    is_done: bool = False


@dataclass(slots=True)
class Share:
    """What one transaction took: events, journeys, and the shards where there is more."""

    events: int = 0
    steps: int = 0
    is_busy: bool = False
    left: list[int] = field(default_factory=list)
    bounds: dict[int, tuple[Bound, float]] = field(default_factory=dict)


# Per shard: how far this process has seen the due index, and when it began to keep that.
_bounds: dict[int, tuple[Bound, float]] = {}


def turn(*shards: int, seconds: float | None = None) -> TurnResult:
    """Work on shards for at most about `seconds` (default: TURN_SECONDS), one short transaction after another.

    A transaction takes as many of the shards as it needs to fill its batch, so that the few journeys due in each share
    one set of statements. An order committed before a reminder's moment beats it: a shard's due journeys fire only when
    no event is pending. May be called by any number of workers at once; a shard's lock lets one of them in.
    """
    ends = time.monotonic() + (settings.TURN_SECONDS if seconds is None else seconds)
    events = steps = 0
    is_busy, left = False, list(shards)
    while left:
        with transaction.atomic():
            share = _work(left, settings.TURN_BATCH)
            crash_point("turn.before_commit")
        crash_point("turn.after_commit")
        # Only now: after a rollback the next claim must start from the bottom.
        _bounds.update(share.bounds)
        events, steps = events + share.events, steps + share.steps
        is_busy, left = is_busy or share.is_busy, share.left
        if time.monotonic() >= ends:
            break
    # What comes while the last share is being committed is the next tick's: looking again would cost another commit.
    return TurnResult(events, steps, is_busy, is_done=not left and not is_busy)


def _work(shards: Sequence[int], batch: int) -> Share:
    """Claim journeys shard by shard until the batch is full, then move them all together.

    A shard that had events is the last one taken: two deletes from the table of pending events in one transaction could
    deadlock with another worker's on MariaDB, which scans that table when it is small.
    """
    share, rows, latest = Share(), list[Row](), None
    unfinished: list[int] = []
    for shard in shards:
        if share.events or len(rows) >= batch:
            share.left.append(shard)
            continue
        now = try_lock(shard)
        if now is None:
            share.is_busy = True
            continue
        crash_point("turn.locked")
        latest, is_more = now, True
        share.events = match_events(shard, now, batch)
        crash_point("turn.matched")
        if share.events < batch:
            claimed, is_more = _claim(shard, now, batch - len(rows), share)
            rows += claimed
        if is_more:
            unfinished.append(shard)
    # Behind those that have not had their turn yet: a shard that never ends must not starve them.
    share.left += unfinished
    if latest is not None and rows:
        share.steps = len(rows)
        share.left += fire_due(rows, latest) - set(share.left)
    return share


def _claim(shard: int, now: datetime, room: int, share: Share) -> tuple[list[Row], bool]:
    """Due journeys of one shard, and whether there may be more."""
    bound: Bound | None
    bound, since = _bounds.pop(shard, (None, time.monotonic()))
    if time.monotonic() - since > BOUND_SECONDS:
        bound, since = None, time.monotonic()
    claimed = claim_due(shard, now, room, bound)
    # A short claim ends the run; the next one starts from the bottom again.
    if len(claimed) < room:
        return claimed, False
    share.bounds[shard] = (bound_of(claimed), since)
    return claimed, True
