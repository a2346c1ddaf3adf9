"""One worker's turn over one shard: take its events, then fire its due journeys, until nothing is left."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from triggers.conf import settings
from triggers.engine.advance import Bound, fire_due
from triggers.engine.match import match_events
from triggers.engine.shards import try_lock

# A bound is a hint, dropped now and then so that a full sweep always follows.
BOUND_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class TurnResult:
    """What a turn did. `is_busy`: another worker holds the shard. `is_done`: nothing was left when it ended."""

    events: int = 0
    steps: int = 0
    is_busy: bool = False
    is_done: bool = False


# Per shard: how far this process has seen the due index, and when it began to keep that.
_bounds: dict[int, tuple[Bound, float]] = {}


def turn(shard: int, *, seconds: float | None = None) -> TurnResult:
    """Work on a shard for at most about `seconds` (default: TURN_SECONDS), one short transaction after another.

    An order committed before a reminder's moment beats it: due journeys fire only when no event is pending. May be
    called by any number of workers at once; the shard's lock lets one of them in.
    """
    ends = time.monotonic() + (settings.TURN_SECONDS if seconds is None else seconds)
    events = steps = 0
    while True:
        batch = settings.TURN_BATCH
        with transaction.atomic():
            now = try_lock(shard)
            if now is None:
                return TurnResult(events, steps, is_busy=True)
            matched = match_events(shard, now, batch)
            fired, is_more = 0, True
            if matched < batch:
                fired, is_more = _fire(shard, now, batch)
        events, steps = events + matched, steps + fired
        # What comes while this is being committed is the next tick's: looking again would cost another commit.
        if not is_more:
            return TurnResult(events, steps, is_done=True)
        if time.monotonic() >= ends:
            return TurnResult(events, steps)


def _fire(shard: int, now: datetime, batch: int) -> tuple[int, bool]:
    """How many journeys moved, and whether some are still due."""
    bound: Bound | None
    bound, since = _bounds.pop(shard, (None, time.monotonic()))
    if time.monotonic() - since > BOUND_SECONDS:
        bound, since = None, time.monotonic()
    fired, is_due_again, bound = fire_due(shard, now, batch, bound)
    # A short claim ends the run; the next one starts from the bottom again. So does a rollback: the bound was popped.
    if bound is not None and fired == batch:
        _bounds[shard] = (bound, since)
    return fired, fired == batch or is_due_again
