"""The protocols that kinds fulfil. The core calls kinds only through these and imports none of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Protocol

from triggers.core.schedule import QuietHours
from triggers.core.values import EventValue, Fact, JourneyState, Outcome, QueueMessage, Value


class MissingFact(Exception):
    """Raised by `View.fact` for a fact that is not loaded; `decide` turns it into a `Need`."""

    def __init__(self, fact: Fact) -> None:
        self.fact = fact
        super().__init__(fact)


class View:
    """All that a kind may look at while it decides about one journey.

    `planned_at` is when this step was meant to be decided, `quiet` the chain's own quiet hours, `queued` what the steps
    before it in this decision send.
    """

    __slots__ = ("_facts", "journey", "now", "planned_at", "queued", "quiet", "since", "wait_scale")

    def __init__(
        self,
        journey: JourneyState,
        facts: dict[Fact, Any],
        now: datetime,
        since: datetime,
        wait_scale: float,
        *,
        planned_at: datetime | None = None,
        quiet: QuietHours | None = None,
        queued: tuple[QueueMessage, ...] = (),
    ) -> None:
        self.journey, self.now, self.since, self.wait_scale = journey, now, since, wait_scale
        self.planned_at, self.quiet, self.queued = planned_at or since, quiet, queued
        self._facts = facts

    def fact(self, fact: Fact) -> Any:
        """The loaded value; raises MissingFact when the driver has yet to load it."""
        try:
            return self._facts[fact]
        except KeyError:
            raise MissingFact(fact) from None


class StepKind(Protocol):
    """A kind of step, as the core sees it."""

    def needs(self, config: Any) -> Iterable[Fact]: ...

    def decide(self, config: Any, view: View) -> Outcome: ...


class Admission(Value, frozen=True):
    """Under which key an event lets its contact into a chain, and what else must hold.

    `min_gap`: not sooner than this after the last entry. `restarts`: a journey that has sent nothing yet begins anew.
    `since`: the moment from which the journey counts, when it is not that of the event's recording.
    """

    key: str
    min_gap: timedelta | None = None
    restarts: bool = False
    since: datetime | None = None


class EntryKind(Protocol):
    """A way to start a chain, as the matcher sees it."""

    def event_names(self, config: Any) -> Iterable[str]: ...

    def admit(self, config: Any, event: EventValue, wait_scale: float) -> Admission | None: ...

    def looks_back(self, config: Any) -> float: ...
