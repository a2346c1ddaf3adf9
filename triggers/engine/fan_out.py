"""Fan-outs: slice by slice, contacts get the event of an occasion, in an even flow and each of them once."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings as django_settings
from django.db import connection, transaction
from django.db.models import F, QuerySet

from triggers.batch.events import record_events
from triggers.clock import DatabaseNow
from triggers.conf import settings
from triggers.control import nothing_is_paused
from triggers.crashpoints import crash_point
from triggers.drain import is_draining
from triggers.engine.audience import contacts_in
from triggers.engine.isolate import describe
from triggers.entries import entries
from triggers.entries.fanned import FannedEntry, Occasion
from triggers.exceptions import ShopFailed
from triggers.logs import note
from triggers.models import EVERYWHERE, Contact, Event, Fanout, FanoutState
from triggers.shop import get_adapter
from triggers.transient import is_transient

logger = logging.getLogger(__name__)

# How long a shop that does not answer is left alone.
SHOP_PAUSE = timedelta(minutes=1)


def fan_out(seconds: float | None = None) -> int:
    """Work on the fan-outs that are due for at most about `seconds` (default: TURN_SECONDS). Returns how many events that gave.

    Any number of workers may do so at once: one at a time holds a fan-out, and the others take other ones.
    """
    ends = time.monotonic() + (settings.TURN_SECONDS if seconds is None else seconds)
    written = 0
    while (count := _take_slice()) is not None:
        crash_point("fanout.after_commit")
        written += count
        # Those that concern nobody, or come too late, are gone through all the same: "nothing written" means nothing is due.
        if is_draining() or (written and time.monotonic() >= ends):
            break
    return written


def has_fanouts() -> bool:
    """Whether a slice is to be taken now."""
    return _due().exists()


def try_again(fanouts: QuerySet[Fanout]) -> int:
    """Let failed fan-outs go on where they stopped. Returns how many."""
    failed = fanouts.filter(state=FanoutState.FAILED)
    return failed.update(state=FanoutState.RUNNING, error="", next_at=DatabaseNow(), ended_at=None)


def _due() -> QuerySet[Fanout]:
    return Fanout.objects.running().filter(nothing_is_paused(), next_at__lte=DatabaseNow())


def _take_slice() -> int | None:
    """The next slice of one fan-out, and how many events that gave; None when nothing is due."""
    with transaction.atomic():
        fanout = (
            _due()
            .select_for_update(skip_locked=True)
            .annotate(now=DatabaseNow())
            .order_by("next_at", "pk")
            .first()
        )
        if fanout is None:
            return None
        crash_point("fanout.locked")
        try:
            with transaction.atomic():
                written = _go_on(fanout, fanout.now)
        except ShopFailed as error:
            note(logger, logging.WARNING, "fanout.put_off", fanout=fanout.pk, why=str(error))
            Fanout.objects.filter(pk=fanout.pk).update(next_at=fanout.now + SHOP_PAUSE)
            written = 0
        except Exception as error:
            if is_transient(error):
                raise
            # It stands alone with its error, and the others go on.
            note(logger, logging.ERROR, "fanout.failed", fanout=fanout.pk, kind=fanout.kind, error=error)
            _end(fanout, FanoutState.FAILED, describe(error))
            written = 0
        crash_point("fanout.before_commit")
    return written


def _go_on(fanout: Fanout, now: datetime) -> int:
    kind = entries.get(fanout.kind)
    if not isinstance(kind, FannedEntry):
        raise TypeError(f"entry kind {fanout.kind!r} has no fan-outs")
    late = now - fanout.next_at
    if late > kind.max_lateness:
        hours = round(late / timedelta(hours=1), 1)
        note(logger, logging.WARNING, "fanout.too_late", fanout=fanout.pk, kind=fanout.kind, hours=hours)
        _end(fanout, FanoutState.SKIPPED)
        return 0
    page, events = _slice(fanout, kind)
    record_events(events)
    after = page[-1] if page else fanout.after_id
    Fanout.objects.filter(pk=fanout.pk).update(
        after_id=after,
        entered=F("entered") + len(events),
        next_at=now + timedelta(seconds=len(events) / settings.FANOUT_RATE),
    )
    if len(page) < settings.TURN_BATCH:
        _end(fanout, FanoutState.DONE)
    return len(events)


def _end(fanout: Fanout, state: FanoutState, error: str = "") -> None:
    Fanout.objects.filter(pk=fanout.pk).update(state=state, error=error, ended_at=DatabaseNow())


def _slice(fanout: Fanout, kind: FannedEntry) -> tuple[list[int], list[Event]]:
    """The ids of the next contacts, and the events of those whom the occasion concerns."""
    config, everything = kind.parse(fanout.config), Event.objects.all()
    occasion = _refreshed(kind, config, occasion_of(fanout))
    chosen = kind.choose(config, occasion, audience(fanout), everything)
    page = read_page(chosen.filter(pk__gt=fanout.after_id), settings.TURN_BATCH)
    marks = {**page, **kind.marks(config, occasion, list(page), everything)}
    slots = [(pk, kind.slot(config, occasion, mark), mark) for pk, mark in marks.items()]
    name, ref, depth = kind.event_name(config), fanout.object_ref, fanout.depth
    events = [
        Event(
            contact_id=pk,
            name=name,
            occurred_at=slot.at,
            data=kind.event_data(occasion, slot, mark),
            object_ref=ref or slot.name,
            depth=depth,
        )
        for pk, slot, mark in slots
        if slot is not None
    ]
    return list(page), events


def _refreshed(kind: FannedEntry, config: Any, occasion: Occasion) -> Occasion:
    try:
        with transaction.atomic():
            return kind.refresh(config, occasion, get_adapter())
    except Exception as error:
        if connection.needs_rollback:
            raise
        raise ShopFailed(str(error)) from error


def audience(fanout: Fanout) -> QuerySet[Contact]:
    """The contacts of the fan-out's segment in its time zone; nobody who was erased or became another one."""
    contacts = contacts_in(fanout.segment)
    return contacts if fanout.zone == EVERYWHERE else contacts.filter(time_zone=fanout.zone)


def occasion_of(fanout: Fanout) -> Occasion:
    zone = "" if fanout.zone == EVERYWHERE else fanout.zone
    return Occasion(
        fanout.slot, fanout.due_at, zone or django_settings.TIME_ZONE, fanout.trigger, fanout.data
    )


def read_page(chosen: QuerySet[Contact], most: int | None = None) -> dict[int, Any]:
    """Ids in their order, each with its `mark`, None where the kind annotates none."""
    columns = [name for name in ("pk", "mark") if name == "pk" or name in chosen.query.annotations]
    rows = chosen.order_by("pk").values_list(*columns)[:most]
    return {row[0]: row[1] if len(row) > 1 else None for row in rows}
