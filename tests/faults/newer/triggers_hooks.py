"""Kinds that an older release has never heard of."""

from __future__ import annotations

from typing import Any

from triggers.conditions.base import Condition, Verdict, conditions
from triggers.core.kinds import View
from triggers.core.values import Fact, Go, Outcome, Reason
from triggers.entries import entries
from triggers.entries.event import EventEntry
from triggers.forms import KindForm
from triggers.steps import Step, steps
from triggers.steps.base import NoConfig


@steps.register
class Stamp(Step):
    key = "stamp"
    label = "Stamp"

    def decide(self, config: Any, view: View) -> Outcome:
        return Go(Reason("stamped"))

    def describe(self, config: Any) -> Reason:
        return Reason("Stamp")


@conditions.register
class AlwaysTrue(Condition):
    key = "always"
    label = "Always"
    Config = NoConfig
    form_class = KindForm

    def needs(self, config: Any) -> tuple[Fact, ...]:
        return ()

    def evaluate(self, config: Any, view: View) -> Verdict:
        return Verdict(True)

    def describe(self, config: Any) -> Reason:
        return Reason("always")


@entries.register
class Doorbell(EventEntry):
    """Starts as an event does."""

    key = "doorbell"
