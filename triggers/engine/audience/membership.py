"""Who comes into a segment and who leaves it: a look every few minutes, compared with the look before."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from datetime import datetime

from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from triggers.batch.events import record_events
from triggers.core.criteria import Criterion
from triggers.core.events import SEGMENT_ENTERED, SEGMENT_LEFT
from triggers.crashpoints import crash_point
from triggers.engine.audience.segments import criterion_of
from triggers.engine.audience.where import contacts_where
from triggers.engine.shards import read_clock
from triggers.exceptions import TriggersError
from triggers.logs import note
from triggers.models import Chain, Event, Segment, SegmentMember
from triggers.sql import insert_rows

logger = logging.getLogger(__name__)

# Contacts that come or go in one transaction: with events of theirs, and when only stock is taken.
SLICE = 2_000
SILENT_SLICE = 50_000


def look_at_segments() -> int:
    """Compare the segments that somebody asks for with the last look; returns how many contacts came and went.

    Safe beside itself, and to be killed: a segment is locked while a slice of it is compared, and what is written is
    what makes the next look find nothing. A first look, or one by a changed rule, takes stock without events: an edit
    is nothing that happened to the contacts.
    """
    wanted = Segment.objects.filter(Q(is_watched=True) | Q(key__in=_asked_by_chains()))
    # Nobody asked for a while: the rows have fallen behind, and the next look must take stock.
    Segment.objects.exclude(pk__in=wanted.values("pk")).exclude(members_of="").update(members_of="")
    return sum(_look(pk, key) for pk, key in wanted.order_by("pk").values_list("pk", "key"))


def _asked_by_chains() -> set[str]:
    """Keys of the segments by which live chains start."""
    entries = Chain.objects.live().values_list("live_version__definition__entry", flat=True)
    return {str(entry["config"].get("segment")) for entry in entries if entry["kind"] == "segment"}


def _look(segment_id: int, key: str) -> int:
    total = 0
    try:
        criterion = criterion_of(key)
        is_done = False
        while not is_done:
            changed, is_done = _compare(segment_id, criterion, read_clock())
            crash_point("segments.after_commit")
            total += changed
    except (TriggersError, DatabaseError) as error:
        # The others go on; this one is looked at again next time.
        note(logger, logging.ERROR, "segment.not_looked_at", segment=key, error=error)
    return total


@transaction.atomic
def _compare(segment_id: int, criterion: Criterion, now: datetime) -> tuple[int, bool]:
    """One slice: how many came and went, and whether that was all, or somebody else is at it."""
    segment = Segment.objects.select_for_update(skip_locked=True).filter(pk=segment_id).first()
    if segment is None:
        return 0, True
    digest = hashlib.sha256(repr(criterion).encode()).hexdigest()
    is_silent = segment.members_of != digest
    size = SILENT_SLICE if is_silent else SLICE
    inside = contacts_where(criterion, now).order_by()
    members = SegmentMember.objects.filter(segment=segment)
    is_known, is_inside = (
        Exists(members.filter(contact=OuterRef("pk"))),
        Exists(inside.filter(pk=OuterRef("contact"))),
    )
    came = list(inside.filter(~is_known).values_list("pk", flat=True)[:size])
    left = list(members.filter(~is_inside).values_list("contact", flat=True)[:size])
    insert_rows(
        SegmentMember, ("segment_id", "contact_id", "since"), [(segment.pk, one, now) for one in came]
    )
    _delete(segment, left)
    if not is_silent:
        record_events(_events(segment, SEGMENT_ENTERED, came) + _events(segment, SEGMENT_LEFT, left))
    is_done = max(len(came), len(left)) < size
    if is_done:
        Segment.objects.filter(pk=segment.pk).update(members_of=digest, looked_at=now)
    crash_point("segments.before_commit")
    return len(came) + len(left), is_done


def _delete(segment: Segment, contact_ids: Sequence[int]) -> None:
    for start in range(0, len(contact_ids), SLICE):
        SegmentMember.objects.filter(segment=segment, contact__in=contact_ids[start : start + SLICE]).delete()


def _events(segment: Segment, name: str, contact_ids: Sequence[int]) -> list[Event]:
    data = {"segment": segment.key, "name": segment.name}
    return [
        Event(
            contact_id=one,
            name=name,
            occurred_at=timezone.now(),
            data=data,
            object_ref=f"segment:{segment.key}",
        )
        for one in contact_ids
    ]
