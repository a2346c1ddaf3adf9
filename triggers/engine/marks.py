"""How far this process has seen the index of due journeys, so that it need not begin at the bottom every time.

While a transaction somewhere stays open (a dump, a report), the database can't clean away index entries of journeys that
have moved on. Whoever begins at the bottom reads all of them again and again, slower with every step taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

# A mark is a hint, never a gate: after this long a read begins at the bottom again.
SWEEP = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Mark:
    """No journey of a shard was due before the pair (due_at, pk) when that was last looked at.

    It stays true, because whoever makes a journey due does it for now or later, or counts up the shard's `rewinds`.
    `swept_at` is when the reading began at the bottom, by the database's clock, which may be set back. `is_deep`: the
    shard had more due than a claim of its own could take.
    """

    due_at: datetime
    pk: int
    swept_at: datetime
    rewinds: int
    is_deep: bool = False

    def holds(self, now: datetime, rewinds: int) -> bool:
        return self.rewinds == rewinds and self.due_at <= now and self.swept_at <= now < self.swept_at + SWEEP


@dataclass(frozen=True, slots=True)
class Start:
    """Where a read of several shards begins, and when their reading last began at the bottom."""

    due_at: datetime
    pk: int
    swept_at: datetime


# What this process has seen, by shard: when it claimed under the shards' locks, and when it looked for work without.
claimed: dict[int, Mark] = {}
looked: dict[int, Mark] = {}


def forget() -> None:
    """Begin at the bottom again: for tests, which set moments into the past."""
    claimed.clear()
    looked.clear()


def lowest(marks: Sequence[Mark | None]) -> Start | None:
    """The start that leaves out nothing of any of these shards; None, the bottom, when one has no mark."""
    known = [mark for mark in marks if mark]
    if not known or len(known) < len(marks):
        return None
    due_at, pk = min((mark.due_at, mark.pk) for mark in known)
    return Start(due_at, pk, min(mark.swept_at for mark in known))
