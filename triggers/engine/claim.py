"""Which due journeys a transaction takes, and how far this process has seen the due index of each shard."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q

from triggers.engine.records import READ
from triggers.engine.shards import unread
from triggers.engine.sql import Row, read_rows
from triggers.models import SHARDS, Journey

# Shards that one statement locks and one claims from: few enough to leave some to other workers, enough for a batch.
MOST_SHARDS = 8
# A bound is a hint, dropped now and then so that a full sweep always follows.
BOUND_SECONDS = 300.0

PK, DUE_AT, CONTACT = READ.index("pk"), READ.index("due_at"), READ.index("contact_id")


@dataclass(frozen=True, slots=True)
class Bound:
    """Up to where a worker has seen the due index of a shard, and when (monotonic) it began to keep that."""

    due_at: datetime
    pk: int
    since: float


@dataclass(slots=True)
class Claim:
    """Due journeys as rows of READ, the shards where there is more, and how far their index was seen."""

    rows: list[Row]
    unfinished: list[int] = field(default_factory=list)
    bounds: dict[int, Bound] = field(default_factory=dict)


# By shard. Only shards that filled a claim on their own are here.
_bounds: dict[int, Bound] = {}


def choose(shards: Sequence[int]) -> list[int]:
    """The first few of these shards, to be locked and claimed from together.

    One that has more than a batch of its own is taken alone: it has a bound of its own, and needs no company.
    """
    chosen: list[int] = []
    for shard in shards[:MOST_SHARDS]:
        if shard in _bounds:
            return chosen or [shard]
        chosen.append(shard)
    return chosen


def claim_due(shards: Sequence[int], now: datetime, limit: int) -> Claim:
    """Up to `limit` due journeys of locked shards, the longest overdue of each first. One statement.

    Of a shard that had more the claim goes on behind the (due_at, id) pair that this process has seen: that spares the
    scan of entries which a long transaction elsewhere keeps from being cleaned away. Hand the new bounds to
    `remember()` once the transaction is committed; after a rollback the next claim starts from the bottom.
    """
    if not shards:
        return Claim([])
    kept = [_bounds.pop(shard, None) for shard in shards]
    bound = kept[0] if len(kept) == 1 else None
    if bound and time.monotonic() - bound.since > BOUND_SECONDS:
        bound = None
    due = Journey.objects.filter(shard__in=shards, due_at__lte=now)
    if bound:
        # Written out, because MariaDB does not use an index for row comparisons.
        due = due.filter(due_at__gte=bound.due_at).filter(Q(due_at__gt=bound.due_at) | Q(pk__gt=bound.pk))
    claim = Claim(read_rows(due.order_by("shard", "due_at", "pk").values_list(*READ)[:limit]))
    if len(claim.rows) == limit:
        last = claim.rows[-1]
        shard = last[CONTACT] % SHARDS
        claim.unfinished = unread(shards, shard)
        if claim.rows[0][CONTACT] % SHARDS == shard:
            since = bound.since if bound else time.monotonic()
            claim.bounds[shard] = Bound(last[DUE_AT], last[PK], since)
    return claim


def remember(bounds: dict[int, Bound]) -> None:
    """Keep how far claims have seen, now that what they took is committed."""
    _bounds.update(bounds)
