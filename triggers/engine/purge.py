"""Deletes by age what nobody needs any more, in small slices, beside everything that runs."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import inf
from typing import Any

from django.db import transaction
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from triggers.conf import settings
from triggers.core.periods import Period
from triggers.core.values import Fact, JourneyStatus
from triggers.crashpoints import crash_point
from triggers.engine.event_counts import is_counted_by_days
from triggers.engine.limits import load_rules, longest
from triggers.engine.partitions import drop_months
from triggers.engine.rollup import roll_up
from triggers.engine.shards import read_clock
from triggers.engine.versions import load_graphs
from triggers.exceptions import TriggersError
from triggers.logs import note
from triggers.models import (
    ApiReceipt,
    Chain,
    ChainVersion,
    Event,
    EventDay,
    Journey,
    Message,
    MessageBody,
    MessageState,
    PendingEvent,
    Transition,
    Visitor,
    VisitorEvent,
)
from triggers.models.message import WAITING

logger = logging.getLogger(__name__)

# Rows that are read at a time, and at most deleted in one transaction.
SLICE = 500
# Days that each kind is kept at least. Letters carry an unsubscribe link that needs its message: Canada's law (CASL,
# section 11) asks that it works for 60 days, the American one (CAN-SPAM) for 30.
LEAST_DAYS = {"bodies": 1, "messages": 60, "journeys": 1, "events": 1, "visitors": 1, "event_days": 1}

# Facts that are read from the events themselves, over a period.
OF_EVENTS = ("event_totals", "not_followed")

ON_ITS_WAY = (*WAITING, MessageState.SENDING)
# An unknown message may be settled by a report, or by a person who wants to see what it said.
NEEDED = (*ON_ITS_WAY, MessageState.UNKNOWN)
# Nobody got these, but a person may retry them: what they are checked against at the door stays as long as they do.
NOT_SENT = (MessageState.FAILED, MessageState.EXPIRED)
OVER = (JourneyStatus.FINISHED, JourneyStatus.EXITED, JourneyStatus.FAILED)
# A failed journey goes on when a person retries it.
MAY_GO_ON = Q(active_slot=1) | Q(status=JourneyStatus.FAILED)


@dataclass(frozen=True, slots=True)
class Purged:
    """Rows deleted by kind, for each kind that has an age, and of used idempotency keys; `is_done`: nothing was left when the time was over."""

    rows: dict[str, int]
    is_done: bool = True


def purge(seconds: float | None = None) -> Purged:
    """Delete what is older than RETENTION allows, for at most about `seconds`.

    May be interrupted and run again at any time. What an open or failed journey, a message that may leave, a chain
    or a frequency cap may still ask for stays, however old it is. Raises TriggersError for a RETENTION that cannot be meant.
    """
    done = _purge(seconds)
    if done.rows:
        ids: dict[str, Any] = {**done.rows}
        note(logger, logging.INFO, "purge.done", is_done=done.is_done, **ids)
    return done


def _purge(seconds: float | None) -> Purged:
    ends = None if seconds is None else time.monotonic() + seconds
    now = read_clock()
    rows: dict[str, int] = {}
    ages = {kind: age for kind, age in read_retention().items() if age is not None}
    for kind, age in {**ages, "receipts": timedelta(days=settings.IDEMPOTENCY_DAYS)}.items():
        if kind in ages:
            rows[kind] = 0
        for count in KINDS[kind](now - age):
            crash_point("purge.after_commit")
            rows[kind] = rows.get(kind, 0) + count
            if ends is not None and time.monotonic() >= ends:
                return Purged(rows, is_done=False)
    return Purged(rows)


def read_retention() -> dict[str, timedelta | None]:
    """How long each kind is kept, in the order of purging; None is for ever. Raises TriggersError for bad settings."""
    given = settings.RETENTION
    if not isinstance(given, dict):
        raise TriggersError("RETENTION must be a dictionary")
    strange = set(given) - set(LEAST_DAYS)
    if strange:
        raise TriggersError(f"RETENTION knows {', '.join(LEAST_DAYS)}, not {', '.join(map(repr, strange))}")
    for kind, days in given.items():
        is_number = isinstance(days, int | float) and not isinstance(days, bool)
        if days is not None and not (is_number and LEAST_DAYS[kind] <= days < 100_000):
            raise TriggersError(
                f"RETENTION[{kind!r}] is days, at least {LEAST_DAYS[kind]}, or None; not {days!r}"
            )
    return {kind: _age(given.get(kind)) for kind in LEAST_DAYS}


def _age(days: float | None) -> timedelta | None:
    return None if days is None else timedelta(days=days)


def _purge_bodies(cutoff: datetime) -> Iterator[int]:
    for old in _slices(MessageBody.objects.all(), "message__created_at", cutoff):
        needed = Message.objects.filter(Q(state__in=NEEDED) | _left_since(cutoff), pk__in=old)
        yield _delete(MessageBody, sorted(set(old) - set(needed.values_list("pk", flat=True))))


def _purge_messages(cutoff: datetime) -> Iterator[int]:
    """Those of journeys that may go on stay: conditions ask whether they were opened. So do those that a cap counts.

    What was not sent was not opened either. It keeps its journey (see below), so a failed one must not keep it in turn.
    """
    cutoff = min(cutoff, read_clock() - longest(load_rules().values()))
    journey = Journey.objects.filter(pk=OuterRef("journey_id"))
    is_asked_for = Q(Exists(journey.filter(active_slot=1))) | (
        Q(Exists(journey.filter(MAY_GO_ON))) & ~Q(state__in=NOT_SENT)
    )
    is_needed = Q(state__in=NEEDED) | _left_since(cutoff) | is_asked_for
    for old in _slices(Message.objects.all(), "created_at", cutoff):
        yield _delete_free(Message.objects.filter(~is_needed, pk__in=old))


def _purge_journeys(cutoff: datetime) -> Iterator[int]:
    """With their transitions. One with a letter that may still leave stays: its goals are asked at the door."""
    gone = Journey.objects.filter(~_has_letters(), status__in=OVER, ended_at__lt=cutoff)
    is_gone = Exists(gone.filter(pk=OuterRef("journey_id")))
    for _transitions in drop_months(Transition.objects.filter(~is_gone), cutoff):
        yield 0
    for old in _slices(Journey.objects.all(), "entered_at", cutoff):
        yield _delete_free(gone.filter(pk__in=old))


def _purge_events(cutoff: datetime) -> Iterator[int]:
    """What goes is added to its days in the same transaction."""
    needed_since = _looked_back_to(by_days=False)
    if needed_since is None:
        note(logger, logging.WARNING, "purge.events_kept", why="a chain needs them all, or cannot be read")
        return
    inside = Journey.objects.filter(
        MAY_GO_ON | Q(_has_letters()), contact=OuterRef("contact"), entered_at__lte=OuterRef("recorded_at")
    )
    waiting = Message.objects.filter(contact=OuterRef("contact"), state__in=ON_ITS_WAY)
    pending = PendingEvent.objects.filter(pk=OuterRef("pk"))
    is_needed = Q(Exists(inside)) | Q(Exists(waiting)) | Q(Exists(pending))
    cutoff = min(cutoff, needed_since)
    yield from drop_months(Event.objects.filter(is_needed), cutoff, keep=roll_up)
    for old in _slices(Event.objects.all(), "recorded_at", cutoff):
        yield _delete_free(Event.objects.filter(~is_needed, pk__in=old), keep=roll_up)


def _purge_event_days(cutoff: datetime) -> Iterator[int]:
    needed_since = _looked_back_to(by_days=True)
    if needed_since is None:
        return
    for old in _slices(EventDay.objects.all(), "day", min(cutoff, needed_since).astimezone(UTC).date()):
        yield _delete(EventDay, old)


def _purge_receipts(cutoff: datetime) -> Iterator[int]:
    """Idempotency keys that need not be known again; they are found by their age, since their keys have no order."""
    while old := list(ApiReceipt.objects.filter(at__lt=cutoff).values_list("pk", flat=True)[:SLICE]):
        yield ApiReceipt.objects.filter(pk__in=old).delete()[0]


def _purge_visitors(cutoff: datetime) -> Iterator[int]:
    """Browsers of nobody that is known, and what a known one's did before and was never handed over."""
    for old in _slices(VisitorEvent.objects.all(), "occurred_at", cutoff):
        _delete(VisitorEvent, old)
        yield 0
    gone = Visitor.objects.filter(contact__isnull=True, last_seen_at__lt=cutoff).order_by("last_seen_at")
    while ids := list(gone.values_list("pk", flat=True)[:SLICE]):
        yield _delete_free(gone.filter(pk__in=ids))


def _left_since(cutoff: datetime) -> Q:
    """Messages that were put off or retried are younger than their row."""
    return Q(sending_at__gte=cutoff) | Q(accepted_at__gte=cutoff)


def _has_letters() -> Exists:
    """Journeys with a letter that may still leave, be it because a person says so."""
    return Exists(Message.objects.filter(journey=OuterRef("pk"), state__in=(*NEEDED, *NOT_SENT)))


def _looked_back_to(*, by_days: bool) -> datetime | None:
    days = longest_window(by_days=by_days)
    return None if days is None or days == inf else read_clock() - timedelta(days=days)


def longest_window(*, by_days: bool) -> float | None:
    """Days that the chains in use look back for events, at most; `inf` for ever, None when one of them cannot be read.

    With `by_days`, in questions that sums by day answer; without, in those that need the events themselves.
    """
    live = Chain.objects.filter(live_version=OuterRef("pk"))
    inside = Journey.objects.filter(version=OuterRef("pk"), chain=OuterRef("chain"), active_slot=1)
    versions = dict(
        ChainVersion.objects.filter(Q(Exists(live)) | Q(Exists(inside))).values_list("pk", "sha256")
    )
    graphs = load_graphs(versions).values()
    if not all(graph.is_readable for graph in graphs):
        return None
    facts = [
        fact for graph in graphs for node in graph.nodes.values() for fact in node.kind.needs(node.config)
    ]
    counted = (fact.args for fact in facts if fact.provider == "event_count")
    days = [float(args[1] or 0) for args in counted if is_counted_by_days(args) == by_days]
    if not by_days:
        days += [graph.entry.looks_back(graph.entry_config) for graph in graphs]
        now = read_clock()
        days += [_days_back(fact, now) for fact in facts]
    return max(days, default=0.0)


def _days_back(fact: Fact, now: datetime) -> float:
    """How far back a question about all of a contact's events reaches. A segment may ask anything."""
    if fact.provider == "in_segment":
        return inf
    periods = [arg for arg in fact.args if isinstance(arg, Period)] if fact.provider in OF_EVENTS else []
    starts = [one.bounds(now)[0] for one in periods]
    return max((inf if start is None else (now - start) / timedelta(days=1) for start in starts), default=0.0)


KINDS: dict[str, Callable[[datetime], Iterator[int]]] = {
    "bodies": _purge_bodies,
    "messages": _purge_messages,
    "journeys": _purge_journeys,
    "events": _purge_events,
    "receipts": _purge_receipts,
    "visitors": _purge_visitors,
    "event_days": _purge_event_days,
}


def _slices(rows: QuerySet[Any], age: str, cutoff: date) -> Iterator[list[int]]:
    """Keys of rows older than `cutoff`, slice by slice in the order in which they were made, until one has none.

    Along the primary key, because an index by age on every large table would cost each insert for one look a day.
    """
    last = 0
    while True:
        page = list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", age)[:SLICE])
        old = [pk for pk, at in page if at < cutoff]
        if not old:
            return
        last = page[-1][0]
        yield old


@transaction.atomic
def _delete_free(rows: QuerySet[Any], keep: Callable[[QuerySet[Any]], None] | None = None) -> int:
    """Delete rows, but none that somebody is working on at this moment. `keep` may save before what is wanted of them."""
    ids = list(rows.select_for_update(skip_locked=True).values_list("pk", flat=True))
    if keep and ids:
        keep(rows.model._default_manager.filter(pk__in=ids))
    count = _delete(rows.model, ids)
    crash_point("purge.before_commit")
    return count


def _delete(model: type[Model], ids: Sequence[int]) -> int:
    """Delete rows with what hangs on them. Returns how many rows of `model` went."""
    if not ids:
        return 0
    _total, by_model = model._default_manager.filter(pk__in=ids).delete()
    return by_model.get(model._meta.label, 0)
