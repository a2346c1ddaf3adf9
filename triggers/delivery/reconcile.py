"""After a restored backup: what may have been done since it was taken is put into the open, and waits for a person.

The database has forgotten what happened after the backup; providers and readers have not. Nothing here can know it, so
nothing of it may happen again by itself.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Max, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_noop

from triggers.control import is_everything_paused, pause_everything
from triggers.core.values import JourneyStatus, Reason
from triggers.crashpoints import crash_point
from triggers.engine.records import READ, read_passages, write_passages
from triggers.engine.shards import lock, read_clock
from triggers.exceptions import TriggersError
from triggers.logs import note
from triggers.models import SHARDS, Event, Heartbeat, Journey, Message, MessageState, PendingEvent

logger = logging.getLogger(__name__)

# Rows that one transaction takes.
SLICE = 1000
# What was written so shortly after the backup's moment is taken for a part of it: workers do not show life at every
# commit, and no shop is up again so soon.
SLACK = timedelta(minutes=5)
# The sign of life that remembers which backup is being put in order, so that a second run means the same one.
MARK = "reconcile"
# Signs that say nothing about workers: the shop gives them too.
NOT_OF_WORKERS = ("capture_failed", MARK)

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
    Heartbeat.objects.update_or_create(pk=MARK, defaults={"at": moment})
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
    found: datetime | None = Heartbeat.objects.exclude(pk__in=NOT_OF_WORKERS).aggregate(last=Max("at"))[
        "last"
    ]
    newest = Event.objects.order_by("-recorded_at").values_list("recorded_at", flat=True)
    return found or newest.first()


def _remembered() -> datetime | None:
    """The backup of an earlier run, while its pause lasts: workers that have been started since show life, too."""
    if not is_everything_paused():
        return None
    return Heartbeat.objects.filter(pk=MARK).values_list("at", flat=True).first()


def _messages(until: datetime, now: datetime) -> QuerySet[Message]:
    """Being sent, due, or about to be looked at again by itself: held at the door, unknown with a moment to try again."""
    in_flight = Q(state=MessageState.SENDING) | Q(state=MessageState.QUEUED, send_after__lte=now)
    comes_back = Q(state__in=(MessageState.HELD, MessageState.UNKNOWN), lease_until__isnull=False)
    return Message.objects.filter(in_flight | comes_back, created_at__lte=until)


def _journeys(until: datetime, now: datetime) -> QuerySet[Journey]:
    """Due, and still at the step where the backup has them."""
    return Journey.objects.filter(
        shard__in=range(SHARDS), due_at__lte=now, since__lte=until, status=JourneyStatus.ACTIVE
    )


def _events(until: datetime) -> QuerySet[PendingEvent]:
    return PendingEvent.objects.filter(is_set_aside=False, event__recorded_at__lte=until)


def _doubt_messages(messages: QuerySet[Message], moment: datetime) -> int:
    data = {"backup_at": moment.isoformat()}
    count = 0
    while ids := list(messages.values_list("pk", flat=True)[:SLICE]):
        # No lease: nothing may send these again by itself.
        count += messages.filter(pk__in=ids).update(
            state=MessageState.UNKNOWN,
            unknown_since=Coalesce(F("unknown_since"), Value(moment)),
            lease_until=None,
            reason=MAY_HAVE_LEFT,
            reason_data=data,
        )
    return count


def _stop_journeys(due: QuerySet[Journey], shard: int, moment: datetime) -> int:
    count = 0
    while some := _stop_some(due, shard, moment):
        count += some
    return count


@transaction.atomic
def _stop_some(due: QuerySet[Journey], shard: int, moment: datetime) -> int:
    now = lock(shard)
    passages = read_passages(due.order_by("due_at", "pk").values_list(*READ)[:SLICE])
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
