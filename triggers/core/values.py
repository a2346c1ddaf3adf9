"""The values that travel between the core and whoever drives it. All are immutable."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec


class Value(msgspec.Struct, frozen=True, gc=False):
    """Base of all core values: equal by content, cheap to make by the thousand.

    The garbage collector does not look at them: what never changes after it was made cannot come to contain itself.
    """


class Fact(Value, frozen=True):
    """The name of something a decision wants to know about one journey, e.g. `Fact("event_count", ("purchase", …))`.

    `provider` says who can load it; `args` is hashable, so that equal wants of many journeys are one question.
    """

    provider: str
    args: tuple[Any, ...] = ()


class Reason(Value, frozen=True):
    """Why something happened: a gettext message id in English and the values for its `%(name)s` places.

    It is stored as it is and put into the reader's language when shown. Moments are ISO 8601 strings in UTC.
    """

    text: str
    data: dict[str, Any] = {}


class QueueMessage(Value, frozen=True):
    """Write one message to the journey's contact; the template is looked up by key when the message leaves.

    `send_after`: not before this moment, None for at once; it is worthless `expires_seconds` later. `displaces` are the
    ids of queued messages that give way to it.
    """

    channel: str
    template: str
    expires_seconds: float | None = None
    send_after: datetime | None = None
    message_class: str = "marketing"
    displaces: tuple[int, ...] = ()


class ChangeContact(Value, frozen=True):
    """Set fields and attributes of the contact, add and remove tags."""

    fields: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()


Effect = QueueMessage | ChangeContact


class Go(Value, frozen=True):
    """The step is done: go on with the next one."""

    reason: Reason
    effect: Effect | None = None


class Branch(Value, frozen=True):
    """Go into one of the step's branches."""

    name: str
    reason: Reason


class WaitUntil(Value, frozen=True):
    """Stay here until a moment (aware)."""

    at: datetime
    reason: Reason


class PutOff(Value, frozen=True):
    """Stay here and be asked again at a moment (aware) after now; what was late stays as late as it was."""

    at: datetime
    reason: Reason


class Exit(Value, frozen=True):
    """Leave the chain."""

    reason: Reason


class Pause(Value, frozen=True):
    """Stay here until a person resumes the journey."""

    reason: Reason


Outcome = Go | Branch | WaitUntil | PutOff | Exit | Pause


class JourneyStatus(StrEnum):
    """Where a journey stands. Only `active` journeys have a moment at which they are due."""

    ACTIVE = "active"
    PAUSED = "paused"
    FINISHED = "finished"
    EXITED = "exited"
    FAILED = "failed"


class JourneyState(Value, frozen=True):
    """What the core may know about one journey before it asks for facts.

    `step` is the step it stands at, `since` the moment it came there, `zone` the contact's IANA time zone;
    `entry_event_id` is the event that began it, which does not count as one since then. `planned_at` is when this
    decision was meant to be made (None: at `since`); `chain` and `priority` are its chain's name and rank.
    """

    id: int
    contact_id: int
    step: str
    since: datetime
    seq: int
    entered_at: datetime
    zone: str = "UTC"
    object_ref: str = ""
    entry_event_id: int | None = None
    planned_at: datetime | None = None
    chain: str = ""
    priority: int = 0


class Move(Value, frozen=True):
    """One logged step of a journey; `seq` is unique in the journey and never reused."""

    seq: int
    step: str
    reason: Reason
    branch: str = ""
    effect: Effect | None = None


class Decision(Value, frozen=True):
    """Where the journey stands after the moves. `due_at` is set exactly when it is active.

    `cancels_queued`: what the journey has in the queue must not leave (a goal was reached). An exit that the marketer
    drew after a letter does not call the letter back. `planned_at`: when what comes next was meant to happen, if not at
    `due_at`.
    """

    status: JourneyStatus
    step: str
    since: datetime
    due_at: datetime | None
    moves: tuple[Move, ...]
    reason: Reason | None = None
    cancels_queued: bool = False
    planned_at: datetime | None = None


class Need(Value, frozen=True):
    """The core cannot decide without these facts; load them and ask again."""

    facts: frozenset[Fact]


class EventValue(Value, frozen=True):
    """One captured event as the matcher sees it. `depth`: how many events of chains led to it, one causing the other."""

    id: int
    uid: str
    contact_id: int
    name: str
    occurred_at: datetime
    recorded_at: datetime
    data: Mapping[str, Any] = {}
    object_ref: str = ""
    depth: int = 0
