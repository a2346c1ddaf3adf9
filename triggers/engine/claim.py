"""Which due journeys a transaction takes: of several shards in one statement, the longest overdue of each first."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Q

from triggers.engine.marks import Mark, Start, claimed, lowest
from triggers.engine.records import READ
from triggers.engine.shards import Held, unread
from triggers.models import Journey
from triggers.sql import read_rows
from triggers.statements import Row

# A clock is read before the lock is had; another worker's may have been read and used in between.
CLOCKS_DIFFER = timedelta(seconds=1)
# Shards that are locked and claimed from together: few enough to leave some to other workers, enough to fill a batch.
MOST_SHARDS = 8

PK, DUE_AT, SHARD = READ.index("pk"), READ.index("due_at"), READ.index("shard")


@dataclass(slots=True)
class Claim:
    """Due journeys as rows of READ, the shards where there is more, and how far the index was seen."""

    rows: list[Row]
    unfinished: list[int] = field(default_factory=list)
    marks: dict[int, Mark] = field(default_factory=dict)


def choose(shards: Sequence[int], deep: Set[int | None] = frozenset()) -> list[int]:
    """The first few of these shards, to be locked and worked on together.

    One that has more journeys than a claim of its own could take is taken alone: its index is seen further than the
    others'. So is one of the `deep`, which has more events than a batch: the others' would never be read behind them.
    """
    chosen: list[int] = []
    for shard in shards[:MOST_SHARDS]:
        mark = claimed.get(shard)
        if shard in deep or (mark and mark.is_deep):
            return chosen or [shard]
        chosen.append(shard)
    return chosen


def claim_due(shards: Sequence[int], held: Held, limit: int) -> Claim:
    """Up to `limit` due journeys of some of the locked shards. One statement.

    Hand the marks to `remember()` once what was claimed is committed.
    """
    if not shards:
        return Claim([])
    # Taken out, so that after a rollback the next claim begins at the bottom.
    known = {shard: claimed.pop(shard, None) for shard in shards}
    holding = {
        shard: mark for shard, mark in known.items() if mark and mark.holds(held.now, held.rewinds[shard])
    }
    start = lowest([holding.get(shard) for shard in shards])
    swept_at = start.swept_at if start else held.now
    due = Journey.objects.filter(_behind(start), shard__in=shards, due_at__lte=held.now)
    claim = Claim(read_rows(due.order_by("shard", "due_at", "pk").values_list(*READ)[:limit]))
    seen = held.now - CLOCKS_DIFFER
    claim.marks = {shard: Mark(seen, 0, swept_at, held.rewinds[shard]) for shard in shards}
    if len(claim.rows) == limit:
        *behind, cut = claim.unfinished = unread(shards, claim.rows[-1][SHARD])
        # These were not looked at: what was known of them stays known.
        for shard in behind:
            del claim.marks[shard]
            claim.marks |= {shard: holding[shard]} if shard in holding else {}
        claim.marks[cut] = _mark_within(claim.rows, seen, swept_at, held.rewinds[cut])
    return claim


def _mark_within(rows: Sequence[Row], seen: datetime, swept_at: datetime, rewinds: int) -> Mark:
    """How far the last shard was seen by a claim that ended within it; deep, when it had the whole claim for itself.

    Not beyond `seen`: some of these become due again at the very moment of this claim.
    """
    first, last = rows[0], rows[-1]
    due_at, pk = min((last[DUE_AT], last[PK]), (seen, 0))
    return Mark(due_at, pk, swept_at, rewinds, is_deep=first[SHARD] == last[SHARD])


def _behind(start: Start | None) -> Q:
    if start is None:
        return Q()
    # Written out, because MariaDB does not use an index for row comparisons.
    return Q(due_at__gte=start.due_at) & (Q(due_at__gt=start.due_at) | Q(pk__gt=start.pk))


def remember(marks: dict[int, Mark]) -> None:
    """Keep how far claims have seen, now that what they took is committed."""
    claimed.update(marks)
