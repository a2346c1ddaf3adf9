"""One worker's turn over shards: take their events, then fire their due journeys, until nothing is left."""

from __future__ import annotations

import time
from collections.abc import Sequence, Set
from dataclasses import dataclass, field

from django.db import transaction

from triggers.conf import settings
from triggers.crashpoints import crash_point
from triggers.drain import is_draining
from triggers.engine.advance import fire_due
from triggers.engine.claim import choose, claim_due, remember
from triggers.engine.marks import Mark
from triggers.engine.match import match_events
from triggers.engine.shards import try_lock
from triggers.statements import Row


@dataclass(frozen=True, slots=True)
class TurnResult:
    """What a turn did. `is_busy`: another worker held one of the shards. `is_done`: nothing was left when it ended."""

    events: int = 0
    steps: int = 0
    is_busy: bool = False
    is_done: bool = False


@dataclass(slots=True)
class Share:
    """What one transaction took: events, journeys, and the shards where there is more; of which one may be `deep`: its events
    alone filled the batch."""

    events: int = 0
    steps: int = 0
    is_busy: bool = False
    left: list[int] = field(default_factory=list)
    deep: int | None = None
    marks: dict[int, Mark] = field(default_factory=dict)


def turn(*shards: int, seconds: float | None = None) -> TurnResult:
    """Work on shards for at most about `seconds` (default: TURN_SECONDS), one short transaction after another.

    A transaction takes as many of the shards as it needs to fill its batch, so that the few journeys due in each share
    one set of statements. An order committed before a reminder's moment beats it: a shard's due journeys fire only when
    no event is pending. May be called by any number of workers at once; a shard's lock lets one of them in.
    """
    ends = time.monotonic() + (settings.TURN_SECONDS if seconds is None else seconds)
    events = steps = 0
    is_busy, left = False, list(shards)
    deep: set[int | None] = set()
    while left:
        with transaction.atomic():
            share = _work(left, deep, settings.TURN_BATCH)
            crash_point("turn.before_commit")
        crash_point("turn.after_commit")
        remember(share.marks)
        events, steps = events + share.events, steps + share.steps
        is_busy, left = is_busy or share.is_busy, share.left
        deep.add(share.deep)
        if time.monotonic() >= ends or is_draining():
            break
    # What comes while the last share is being committed is the next tick's: looking again would cost another commit.
    return TurnResult(events, steps, is_busy, is_done=not left and not is_busy)


def _work(shards: Sequence[int], deep: Set[int | None], batch: int) -> Share:
    """Claim journeys, some shards at a time, until the batch is full, then move them all together.

    Shards that had events are the last ones taken: matching may have filled the batch by itself.
    """
    share, rows, now = Share(left=list(shards)), list[Row](), None
    unfinished: list[int] = []
    while share.left and len(rows) < batch and not share.events:
        chosen = choose(share.left, deep)
        del share.left[: len(chosen)]
        held = try_lock(chosen)
        share.is_busy |= held is None or len(held.rewinds) < len(chosen)
        if held is None:
            continue
        crash_point("turn.locked")
        now = held.now
        matched = match_events(held.with_events, now, batch)
        share.events, share.deep = matched.events, matched.deep
        crash_point("turn.matched")
        behind = {*matched.unfinished, *matched.for_others}
        claim = claim_due([shard for shard in held.rewinds if shard not in behind], held, batch - len(rows))
        rows += claim.rows
        unfinished += [*matched.unfinished, *claim.unfinished]
        share.marks |= claim.marks
    # Behind those that have not had their turn yet: a shard that never ends must not starve them.
    share.left += unfinished
    if now is not None and rows:
        share.steps = len(rows)
        share.left += fire_due(rows, now) - set(share.left)
    return share
