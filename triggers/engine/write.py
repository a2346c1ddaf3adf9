"""Events for many contacts at once, written as `capture` writes one: the event, and that no turn has seen it yet."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from triggers.engine.sql import insert_rows
from triggers.models import SHARDS, Event, PendingEvent

COLUMNS = ("uid", "contact_id", "name", "occurred_at", "recorded_at", "data", "object_ref", "depth")


class NewEvent(NamedTuple):
    """An event that has yet to be written."""

    contact_id: int
    name: str
    occurred_at: datetime
    data: Mapping[str, Any]
    object_ref: str = ""
    depth: int = 0


def write_events(events: Sequence[NewEvent], now: datetime) -> None:
    """Two statements, in the caller's transaction. `now` is the database's clock."""
    rows = [
        (uuid.uuid4(), one.contact_id, one.name, one.occurred_at, now, one.data, one.object_ref, one.depth)
        for one in events
    ]
    written = insert_rows(Event, COLUMNS, rows, returning=("id", "contact_id"))
    pending = sorted((event_id, contact_id % SHARDS, "", False) for event_id, contact_id in written)
    insert_rows(PendingEvent, ("event_id", "shard", "error", "is_set_aside"), pending)
