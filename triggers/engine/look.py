"""The look for work that a tick takes, whatever the backlog: one statement, a few index entries for each shard."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import OuterRef, Subquery

from triggers.clock import DatabaseNow
from triggers.control import nothing_is_paused
from triggers.engine.marks import Mark, looked, lowest
from triggers.engine.shards import has_events
from triggers.models import SHARDS, Journey, Shard

# A look holds no lock: journeys that a turn made due so long ago may come to light only now, when it commits.
LONGEST_TURN = timedelta(seconds=10)


def with_work() -> list[int]:
    """Shards that have a pending event or a due journey now; none while everything is paused."""
    start = lowest([looked.get(shard) for shard in range(SHARDS)])
    rows = _look(start.due_at if start else None)
    if start and not all(looked[pk].holds(now, rewinds) for pk, now, rewinds, _events, _due_at in rows):
        start, rows = None, _look(None)
    for pk, now, rewinds, _events, due_at in rows:
        seen = (due_at or now) - LONGEST_TURN
        looked[pk] = Mark(seen, 0, start.swept_at if start else now, rewinds)
    return [pk for pk, _now, _rewinds, has_event, due_at in rows if has_event or due_at is not None]


def _look(start: datetime | None) -> list[tuple[Any, ...]]:
    """Of each shard: its number, the clock, its rewinds, whether events are pending, the first moment that is due."""
    due = Journey.objects.filter(shard=OuterRef("pk"), due_at__lte=DatabaseNow())
    if start:
        due = due.filter(due_at__gte=start)
    first_due = Subquery(due.order_by("due_at").values("due_at")[:1])
    shards = Shard.objects.filter(nothing_is_paused()).annotate(
        now=DatabaseNow(), has_events=has_events(), first_due=first_due
    )
    return list(shards.values_list("pk", "now", "rewinds", "has_events", "first_due"))
