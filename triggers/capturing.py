"""The one way to write an event, used by every door and by the shop itself."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.dispatch import Signal
from django.http import HttpRequest
from django.utils import timezone

from triggers.clock import DatabaseNow
from triggers.contacts import contact_for
from triggers.crashpoints import crash_point
from triggers.heartbeat import beat
from triggers.logs import note
from triggers.models import SHARDS, Contact, Event, PendingEvent, Visitor, VisitorEvent
from triggers.payloads import clean_data, clean_moment, clean_name, clean_ref
from triggers.signals import capture_failed, event_captured
from triggers.visitors import person_of

logger = logging.getLogger(__name__)

# A visitor's last moment is written down again after so long, not with each event.
SEEN_ANEW = timedelta(hours=1)


def capture(
    name: str,
    *,
    contact: Any,
    data: Mapping[str, Any] | None = None,
    object_ref: str = "",
    occurred_at: datetime | None = None,
) -> Event | None:
    """Record that something happened to a contact, in the caller's transaction.

    `contact` is a Contact, a user of the host project, an e-mail address, or a request: that is its user, or else its
    visitor. What a visitor does is kept until it is known who that is. For nobody (an anonymous user) nothing is
    recorded. Never raises and never talks to a broker: whatever goes wrong is logged, counted on the health page and
    sent as `capture_failed`, and the shop's request goes on. Returns the event, or None when there is none.
    """
    try:
        with transaction.atomic():
            who = person_of(contact) if isinstance(contact, HttpRequest) else contact
            found = contact_for(who)
            if found is None:
                if isinstance(who, Visitor):
                    _keep(who, name, data, object_ref, occurred_at)
                return None
            event = record_event(
                name, contact=found, data=data, object_ref=object_ref, occurred_at=occurred_at
            )
            crash_point("capture.before_commit")
        crash_point("capture.after_commit")
    except Exception as error:
        report_failures([(name, error)])
        return None
    announce(event_captured, event=event)
    return event


def record_event(
    name: str,
    *,
    contact: Contact,
    data: Mapping[str, Any] | None = None,
    object_ref: str = "",
    occurred_at: datetime | None = None,
) -> Event:
    """`capture` for doors that answer for bad input themselves. Raises InvalidEvent; two inserts."""
    event = Event(
        contact=contact,
        name=clean_name(name),
        occurred_at=clean_moment(occurred_at, timezone.now()),
        data=clean_data(data),
        object_ref=clean_ref(object_ref),
        recorded_at=DatabaseNow(),
    )
    event.save(force_insert=True)
    crash_point("capture.event_written")
    # The moment is the database's; whoever wants it reads it from there.
    del event.recorded_at
    PendingEvent(event=event, shard=contact.pk % SHARDS).save(force_insert=True)
    return event


def _keep(
    visitor: Visitor,
    name: str,
    data: Mapping[str, Any] | None,
    object_ref: str,
    occurred_at: datetime | None,
) -> None:
    """Something that a visitor did of whom nothing is known yet. Raises InvalidEvent; an insert, and an update."""
    VisitorEvent(
        visitor=visitor,
        name=clean_name(name),
        occurred_at=clean_moment(occurred_at, timezone.now()),
        data=clean_data(data),
        object_ref=clean_ref(object_ref),
    ).save(force_insert=True)
    seen = Visitor.objects.filter(pk=visitor.pk, last_seen_at__lt=DatabaseNow() - SEEN_ANEW)
    seen.update(last_seen_at=DatabaseNow())


def report_failures(failures: Sequence[tuple[Any, Exception]]) -> None:
    """Say of events, by their names, that they were not written, everywhere it can be said; saying it must not fail either."""
    if not failures:
        return
    for name, error in failures:
        shown, problem = _shown(name), _problem(error)
        note(logger, logging.ERROR, "event.not_captured", event=shown, problem=problem, error=error)
        announce(capture_failed, name=shown, error=error)
    detail = f"{_shown(failures[-1][0])}: {_problem(failures[-1][1])}"
    try:
        # Not before the commit: all failed captures share one row, and its lock would make orders wait for each other.
        transaction.on_commit(lambda: beat("capture_failed", times=len(failures), detail=detail), robust=True)
    except Exception as second:
        note(
            logger, logging.WARNING, "event.failure_not_counted", event=_shown(failures[-1][0]), error=second
        )


def _shown(name: Any) -> str:
    return name[:64] if isinstance(name, str) else f"<{type(name).__name__}>"


def _problem(error: Exception) -> str:
    try:
        return str(error)
    except Exception:
        return type(error).__name__


def announce(signal: Signal, **news: Any) -> None:
    """Tell those who listen; Django logs their errors. A savepoint keeps a failed query of theirs out of the shop's work."""
    if not signal.has_listeners(Event):
        return
    try:
        with transaction.atomic():
            signal.send_robust(sender=Event, **news)
    except Exception as error:
        note(logger, logging.ERROR, "receiver.broke_transaction", error=error)
