"""The one lock of the engine: whoever holds a shard is the only writer of its contacts' journeys."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Exists, OuterRef
from django.utils import timezone

from triggers.clock import DatabaseNow
from triggers.control import nothing_is_paused
from triggers.models import SHARDS, Journey, PendingEvent, Shard


def try_lock(shard: int) -> datetime | None:
    """Lock one shard until the transaction ends and return the database's clock; None when another worker has it, or
    while everything is paused."""
    row = (
        Shard.objects.select_for_update(skip_locked=True)
        .filter(nothing_is_paused(), pk=shard)
        .annotate(now=DatabaseNow())
        .values("now")
        .first()
    )
    return row["now"] if row else None


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


def read_clock() -> datetime:
    """The database's clock, without a lock. Before the first `migrate` there is none to ask but our own."""
    return Shard.objects.values_list(DatabaseNow(), flat=True).first() or timezone.now()


def with_work() -> list[int]:
    """Shards that have a pending event or a due journey now: one look into an index for each, whatever the backlog.

    None while everything is paused.
    """
    pending = PendingEvent.objects.filter(is_set_aside=False, shard=OuterRef("pk"))
    due = Journey.objects.filter(shard=OuterRef("pk"), due_at__lte=DatabaseNow())
    working = Shard.objects.filter(nothing_is_paused(), Exists(pending) | Exists(due))
    return list(working.values_list("pk", flat=True))
