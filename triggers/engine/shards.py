"""The one lock of the engine: whoever holds a shard is the only writer of its contacts' journeys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from triggers.clock import DatabaseNow
from triggers.control import nothing_is_paused
from triggers.models import SHARDS, PendingEvent, Shard


@dataclass(frozen=True, slots=True)
class Held:
    """Shards that the transaction has locked, each with its `rewinds`; those with pending events; the database's clock.

    In the order of their numbers. What was committed before `now` was seen.
    """

    now: datetime
    rewinds: dict[int, int]
    with_events: list[int]


def try_lock(shards: Iterable[int]) -> Held | None:
    """Lock those of these shards that nobody else holds, until the transaction ends; None when there is none, or
    while everything is paused.

    One statement, and it never waits: two workers that want the same shards share them.
    """
    rows = list(
        Shard.objects.select_for_update(skip_locked=True)
        .filter(nothing_is_paused(), pk__in=shards)
        .order_by("pk")
        .annotate(now=DatabaseNow(), has_events=has_events())
        .values_list("pk", "now", "rewinds", "has_events")
    )
    if not rows:
        return None
    rewinds = {pk: rewinds for pk, _now, rewinds, _has in rows}
    return Held(rows[0][1], rewinds, [pk for pk, _now, _rewinds, has in rows if has])


def lock_for(contact_ids: Iterable[int]) -> datetime | None:
    """Wait for the shards of these contacts, in order of their numbers, and return the database's clock."""
    numbers = sorted({contact_id % SHARDS for contact_id in contact_ids})
    held = list(Shard.objects.select_for_update().filter(pk__in=numbers).order_by("pk"))
    return _clock() if held else None


def lock(shard: int) -> datetime:
    """Wait for one shard and return the database's clock."""
    Shard.objects.select_for_update().get(pk=shard)
    return _clock()


def _clock() -> datetime:
    """A statement of its own: the clock of one that waits is that of the moment when it began to wait."""
    now: datetime = Shard.objects.annotate(now=DatabaseNow()).values_list("now", flat=True)[:1].get()
    return now


def read_clock() -> datetime:
    """The database's clock, without a lock. Before the first `migrate` there is none to ask but our own."""
    return Shard.objects.values_list(DatabaseNow(), flat=True).first() or timezone.now()


def unread(shards: Sequence[int], last: int) -> list[int]:
    """The shards that a read in the order of their numbers has not finished when its limit stopped it in shard `last`.

    That one comes at the end, so that the others are read before it is again.
    """
    return [*(shard for shard in shards if shard > last), last]


def has_events() -> Exists:
    """Whether an event waits to be matched in the shard of the query that this stands in."""
    return Exists(PendingEvent.objects.filter(is_set_aside=False, shard=OuterRef("pk")))


def rewind(shard: int) -> None:
    """Say that a journey of a locked shard is being made due in the past, where nobody looks any more."""
    Shard.objects.filter(pk=shard).update(rewinds=F("rewinds") + 1)
