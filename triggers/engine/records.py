"""Journeys as the engine holds them in memory during a turn, and how they are written back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import DatabaseError
from django.utils.translation import gettext_noop

from triggers.core.values import JourneyState, JourneyStatus, Move, Reason
from triggers.models import Journey, Message, MessageState, Transition
from triggers.sql import insert_rows, update_rows

HELD = Reason(gettext_noop("Waits: the chain is paused"))
RELEASED = Reason(gettext_noop("Goes on: the chain is no longer paused"))
ENDED = gettext_noop("the journey through the chain ended before it left")

READ = (
    "pk",
    "shard",
    "chain_id",
    "version_id",
    "contact_id",
    "status",
    "step",
    "since",
    "seq",
    "messages_queued",
    "due_at",
    "entered_at",
    "object_ref",
    "contact__time_zone",
    "version__sha256",
    "chain__status",
    "resume_due_at",
    "entry_event_id",
    "planned_at",
    "chain__name",
    "chain__priority",
)
WRITTEN = (
    "id",
    "seq",
    "seq",
    "version_id",
    "status",
    "active_slot",
    "step",
    "since",
    "messages_queued",
    "due_at",
    "planned_at",
    "resume_due_at",
    "ended_at",
)


@dataclass(slots=True)
class Passage:
    """One journey while a turn works on it; `read_seq` is what the row had when it was read."""

    id: int
    shard: int
    chain_id: int
    version_id: int
    contact_id: int
    status: str
    step: str
    since: datetime
    seq: int
    messages_queued: int
    due_at: datetime | None
    entered_at: datetime
    object_ref: str
    zone: str
    version_sha256: str
    chain_status: str
    resume_due_at: datetime | None = None
    entry_event_id: int | None = None
    planned_at: datetime | None = None
    chain_name: str = ""
    priority: int = 0
    ended_at: datetime | None = None
    moves: list[Move] = field(default_factory=list)
    read_seq: int = -1
    cancels_queued: bool = False

    @property
    def is_open(self) -> bool:
        return self.status in (JourneyStatus.ACTIVE, JourneyStatus.PAUSED)

    def state(self, default_zone: str) -> JourneyState:
        """The journey as the core sees it."""
        return JourneyState(
            self.id,
            self.contact_id,
            self.step,
            self.since,
            self.seq,
            self.entered_at,
            self.zone or default_zone,
            self.object_ref,
            self.entry_event_id,
            self._planned_at(),
            self.chain_name,
            self.priority,
        )

    def _planned_at(self) -> datetime | None:
        """When this was meant to happen: right after its entry at the moment of its event, however long that waited."""
        return self.since if self.seq <= 1 else self.planned_at or self.due_at

    def log(self, reason: Reason, step: str = "") -> None:
        """Add a move that the core did not make."""
        self.seq += 1
        self.moves.append(Move(self.seq, step, reason))

    def hold(self) -> None:
        """Park it while its chain is paused, out of the due index, with the moment it was due."""
        self.log(HELD, self.step)
        self.status, self.due_at, self.resume_due_at = JourneyStatus.PAUSED, None, self.due_at

    def stop(self, reason: Reason) -> None:
        """Park it until a person lets it go on."""
        self.log(reason, self.step)
        self.status, self.due_at, self.resume_due_at = JourneyStatus.PAUSED, None, None

    def release(self) -> None:
        """Let it go on from where it was parked."""
        self.log(RELEASED, self.step)
        self.status, self.due_at, self.resume_due_at = JourneyStatus.ACTIVE, self.resume_due_at, None

    def end(self, status: JourneyStatus, now: datetime, reason: Reason) -> None:
        """End it from outside the core; an exit also calls back what it has in the queue."""
        self.log(reason, self.step)
        self.status, self.due_at, self.resume_due_at, self.ended_at = status, None, None, now
        self.cancels_queued = status == JourneyStatus.EXITED


def read_passages(rows: Iterable[Sequence[Any]]) -> list[Passage]:
    """Journeys from rows of the columns READ."""
    passages = []
    for row in rows:
        passage = Passage(*row)
        passage.read_seq = passage.seq
        passages.append(passage)
    return passages


def write_passages(passages: Sequence[Passage], now: datetime) -> None:
    """Save journeys that existed, with their moves. Two statements, three when one of them ended.

    Raises DatabaseError when a row is not as it was read: somebody wrote without the shard's lock.
    """
    rows = [
        (
            one.id,
            one.read_seq,
            one.seq,
            one.version_id,
            one.status,
            1 if one.is_open else None,
            one.step,
            one.since,
            one.messages_queued,
            one.due_at,
            one.planned_at,
            one.resume_due_at,
            one.ended_at,
        )
        for one in passages
    ]
    changed = update_rows(Journey, WRITTEN, rows, guard="seq")
    if changed != len(rows):
        raise DatabaseError(
            f"{len(rows) - changed} of {len(rows)} journeys were changed outside their shard's lock"
        )
    write_moves(passages, now)
    cancel_messages_of([one.id for one in passages if one.cancels_queued])


def write_moves(passages: Iterable[Passage], now: datetime) -> None:
    """Log the moves. One statement."""
    rows = [
        (one.id, move.seq, now, move.step, move.branch, move.reason.text, move.reason.data)
        for one in passages
        for move in one.moves
    ]
    insert_rows(Transition, ("journey_id", "seq", "at", "step", "branch", "reason", "data"), rows)


def cancel_messages_of(journey_ids: Sequence[int]) -> None:
    """What these journeys still have in the queue will not be sent, nor what comes back to it from a sender."""
    if journey_ids:
        Journey.objects.filter(pk__in=journey_ids).update(is_called_back=True)
        # What may have been sent already is stopped at the door, which does not say that it was not.
        Message.objects.filter(
            journey_id__in=journey_ids,
            state__in=(MessageState.QUEUED, MessageState.HELD),
            unknown_since__isnull=True,
        ).update(state=MessageState.CANCELLED, reason=ENDED)
