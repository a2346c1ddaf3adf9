"""The one lock of the engine: whoever holds a shard is the only writer of its contacts' journeys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from triggers.clock import DatabaseNow
from triggers.models import SHARDS, Journey, PendingEvent, Shard


@dataclass(frozen=True, slots=True)
class Held:
    """Shards that the transaction has locked, those of them with pending events, and the database's clock.

    Both in the order of their numbers. What was committed before `now` was seen.
    """

    now: datetime
    shards: list[int]
    with_events: list[int]


def try_lock(shards: Iterable[int]) -> Held | None:
    """Lock those of these shards that nobody else holds, until the transaction ends; None when there is none.

    One statement, and it never waits: two workers that want the same shards share them.
    """
    rows = list(
        Shard.objects.select_for_update(skip_locked=True)
        .filter(pk__in=shards)
        .order_by("pk")
        .annotate(now=DatabaseNow(), has_events=Exists(_pending()))
        .values_list("pk", "now", "has_events")
    )
    if not rows:
        return None
    return Held(rows[0][1], [pk for pk, _now, _has in rows], [pk for pk, _now, has in rows if has])


def lock_for(contact_ids: Iterable[int]) -> datetime | None:
    """Wait for the shards of these contacts, in order of their numbers, and return the database's clock."""
    numbers = sorted({contact_id % SHARDS for contact_id in contact_ids})
    now = None
    for row in (
        Shard.objects.select_for_update().filter(pk__in=numbers).order_by("pk").annotate(now=DatabaseNow())
    ):
        now = row.now
    return now


def lock(shard: int) -> datetime:
    """Wait for one shard and return the database's clock."""
    now: datetime = Shard.objects.select_for_update().annotate(now=DatabaseNow()).get(pk=shard).now
    return now


def unread(shards: Sequence[int], last: int) -> list[int]:
    """The shards that a read in the order of their numbers has not finished when its limit stopped it in shard `last`.

    That one comes at the end, so that the others are read before it is again.
    """
    return [*(shard for shard in shards if shard > last), last]


def with_work() -> list[int]:
    """Shards that have a pending event or a due journey now: one look into an index for each, whatever the backlog."""
    due = Journey.objects.filter(shard=OuterRef("pk"), due_at__lte=DatabaseNow())
    return list(Shard.objects.filter(Exists(_pending()) | Exists(due)).values_list("pk", flat=True))


def _pending() -> QuerySet[PendingEvent]:
    """Events that wait to be matched in the shard of the outer query."""
    return PendingEvent.objects.filter(is_set_aside=False, shard=OuterRef("pk"))
