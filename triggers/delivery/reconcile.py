"""After a restored backup: what may have been done since it was taken is put into the open, and waits for a person.

The database has forgotten what happened after the backup; providers and readers have not. Nothing here can know it, so
nothing of it may happen again by itself.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import DateTimeField, Exists, Max, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce, Greatest
from django.utils.translation import gettext_noop

from triggers.clock import DatabaseNow
from triggers.control import pause_everything, pause_of_everything, remember_backup
from triggers.core.values import JourneyStatus, Reason
from triggers.crashpoints import crash_point
from triggers.engine.plan import leave_out_missed
from triggers.engine.records import READ, read_passages, write_passages
from triggers.engine.shards import lock, read_clock
from triggers.exceptions import TriggersError
from triggers.logs import note
from triggers.models import (
    SHARDS,
    Chain,
    Event,
    Heartbeat,
    Journey,
    Message,
    MessageState,
    PendingEvent,
    Transition,
)

logger = logging.getLogger(__name__)

# Rows that one transaction takes.
SLICE = 1000
# What was written so shortly after the backup's moment is taken for a part of it: workers do not show life at every
# commit, and no shop is up again so soon.
SLACK = timedelta(minutes=5)
# The sign that says nothing about workers: the shop gives it.
NOT_OF_WORKERS = "capture_failed"

MAY_HAVE_LEFT = gettext_noop("a backup of %(backup_at)s was restored: it may have left since then")
MAY_BE_DONE = gettext_noop(
    "Waits for a person: a backup of %(backup_at)s was restored, and this may have been done since then"
)
EVENT_MAY_BE_DONE = (
    "a backup of {moment} was restored: what follows from this event may have been done since then"
)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """The backup's moment, and how much of what it holds may have been done after it."""

    backup_at: datetime
    messages: int
    journeys: int
    events: int


def reconcile(backup_at: datetime | None = None, *, is_rehearsal: bool = False) -> Reconciled:
    """Pause everything, and set aside what this database holds from before `backup_at` and was due since.

    Without `backup_at` it is the last moment at which a worker showed life. A rehearsal only counts. May be run again,
    also after an interruption: what was set aside is not touched any more. Raises TriggersError for a moment in the
    future, and when the database has never seen a worker or an event.
    """
    now = read_clock()
    moment = backup_at or _remembered() or last_sign_of_life()
    if moment is None:
        raise TriggersError(
            "this database has seen neither a worker nor an event: there is nothing to reconcile"
        )
    if moment > now:
        raise TriggersError(
            f"{moment.isoformat()} is in the future: the database's clock says {now.isoformat()}"
        )
    until = min(moment + SLACK, now)
    messages, journeys, events = _messages(until, now), _journeys(until, now), _events(until)
    if is_rehearsal:
        return Reconciled(moment, messages.count(), journeys.count(), events.count())
    pause_everything(f"a backup of {moment:%Y-%m-%d %H:%M:%S %Z} was restored")
    remember_backup(moment)
    leave_out_missed()
    crash_point("reconcile.paused")
    done = Reconciled(
        moment,
        _doubt_messages(messages, moment),
        sum(_stop_journeys(journeys.filter(shard=shard), shard, moment) for shard in range(SHARDS)),
        _set_events_aside(events, moment),
    )
    note(logger, logging.WARNING, "backup.reconciled", **asdict(done))
    return done


def last_sign_of_life() -> datetime | None:
    """When a worker last did something that this database knows of; without any, when the newest event was recorded."""
    found: datetime | None = Heartbeat.objects.exclude(pk=NOT_OF_WORKERS).aggregate(last=Max("at"))["last"]
    newest = Event.objects.order_by("-recorded_at").values_list("recorded_at", flat=True)
    return found or newest.first()


def _remembered() -> datetime | None:
    """The backup of an earlier run, while its pause lasts: workers that have been started since show life, too."""
    pause = pause_of_everything()
    return pause.backup_at if pause else None


def _messages(until: datetime, now: datetime) -> QuerySet[Message]:
    """Being sent, due, or about to be looked at again by itself: held at the door, held by a chain that is being let
    go, unknown with a moment to try again."""
    in_flight = Q(state=MessageState.SENDING) | Q(state=MessageState.QUEUED, send_after__lte=now)
    comes_back = Q(state__in=(MessageState.HELD, MessageState.UNKNOWN), lease_until__isnull=False)
    let_go = Q(state=MessageState.HELD, chain__in=_being_released())
    return Message.objects.filter(in_flight | comes_back | let_go, created_at__lte=until)


def _journeys(until: datetime, now: datetime) -> QuerySet[Journey]:
    """Due, or parked in a chain that is being let go, and not moved since the backup.

    `since` does not say that: behind a letter that is put off it is the letter's moment.
    """
    due = Q(status=JourneyStatus.ACTIVE, due_at__lte=now)
    let_go = Q(status=JourneyStatus.PAUSED, resume_due_at__isnull=False, chain__in=_being_released())
    moved = Transition.objects.filter(journey=OuterRef("pk"), at__gt=until)
    return Journey.objects.filter(
        due | let_go, ~Exists(moved), shard__in=range(SHARDS), entered_at__lte=until
    )


def _being_released() -> QuerySet[Chain]:
    """Chains whose journeys were on their way out of a pause. That release goes on later, with what was not set aside."""
    return Chain.objects.filter(resuming_until__isnull=False)


def _events(until: datetime) -> QuerySet[PendingEvent]:
    return PendingEvent.objects.filter(is_set_aside=False, event__recorded_at__lte=until)


def _doubt_messages(messages: QuerySet[Message], moment: datetime) -> int:
    data = {"backup_at": moment.isoformat()}
    count = 0
    while ids := list(messages.values_list("pk", flat=True)[:SLICE]):
        # No lease: nothing may send these again by itself.
        count += messages.filter(pk__in=ids).update(
            state=MessageState.UNKNOWN,
            lease_until=None,
            reason=MAY_HAVE_LEFT,
            reason_data=data,
            unknown_since=Coalesce("unknown_since", DatabaseNow()),
            # If it left, then not before both: so it counts under the caps.
            sending_at=Coalesce("sending_at", Greatest("send_after", Value(moment, DateTimeField()))),
        )
    return count


def _stop_journeys(journeys: QuerySet[Journey], shard: int, moment: datetime) -> int:
    count = 0
    while some := _stop_some(journeys, shard, moment):
        count += some
    return count


@transaction.atomic
def _stop_some(journeys: QuerySet[Journey], shard: int, moment: datetime) -> int:
    now = lock(shard)
    passages = read_passages(journeys.order_by("due_at", "pk").values_list(*READ)[:SLICE])
    reason = Reason(MAY_BE_DONE, {"backup_at": moment.isoformat()})
    for one in passages:
        one.stop(reason)
    write_passages(passages, now)
    crash_point("reconcile.before_commit")
    return len(passages)


def _set_events_aside(events: QuerySet[PendingEvent], moment: datetime) -> int:
    error = EVENT_MAY_BE_DONE.format(moment=moment.isoformat())
    count = 0
    while ids := list(events.values_list("pk", flat=True)[:SLICE]):
        count += PendingEvent.objects.filter(pk__in=ids, is_set_aside=False).update(
            is_set_aside=True, error=error
        )
    return count
