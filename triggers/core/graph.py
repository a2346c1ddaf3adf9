"""A chain as the engine reads it: an ordered tree of steps whose kinds are already bound."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext_noop

from triggers.core.kinds import EntryKind, StepKind, View
from triggers.core.payload import PayloadFilter, matches
from triggers.core.schedule import QuietHours
from triggers.core.values import EventValue, Fact, Pause, PutOff, Reason, Value


class EventRule(Value, frozen=True, forbid_unknown_fields=True):
    """An event that ends a journey: by name, by its data, and perhaps only about the journey's own object."""

    event: str
    filters: tuple[PayloadFilter, ...] = ()
    same_object: bool = False

    def accepts(self, event: EventValue, object_ref: str) -> bool:
        if event.name != self.event or (self.same_object and event.object_ref != object_ref):
            return False
        return matches(self.filters, event.data)

    @property
    def fact(self) -> Fact:
        """How often it happened since the journey began."""
        return Fact("event_count", (self.event, None, self.filters, self.same_object))


class StepNode(Value, frozen=True):
    """One step: its stable key, its kind with parsed settings, and its branches in order."""

    key: str
    kind: StepKind
    config: Any
    branches: tuple[tuple[str, tuple[StepNode, ...]], ...] = ()


# How soon, how seldom and for how long a step that this worker does not know is left to another one.
SOON, SELDOM, PATIENCE = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LEFT_TO_OTHERS = gettext_noop("Left to another worker until %(until_at)s: %(problem)s")
NOBODY_KNOWS = gettext_noop("Waits for a person: %(problem)s")


class UnknownStep:
    """Stands in for a step whose kind is not installed here, or does not read its settings.

    While a new release is rolled out other workers know it already, so the journey is put off, each time for as long as it
    has waited. When nobody came for a day its app is gone: it waits for a person.
    """

    def __init__(self, problem: str) -> None:
        self.problem = problem

    def needs(self, config: Any) -> tuple[Fact, ...]:
        return ()

    def decide(self, config: Any, view: View) -> PutOff | Pause:
        waited = view.now - max(view.since, view.planned_at)
        if waited >= PATIENCE:
            return Pause(Reason(NOBODY_KNOWS, {"problem": self.problem}))
        until = view.now + min(max(waited, SOON), SELDOM)
        data = {"until_at": until.isoformat(), "problem": self.problem}
        return PutOff(until, Reason(LEFT_TO_OTHERS, data))


class Graph:
    """A chain version ready to run. Never changes; one per version and process.

    `following[key]` is the step after `key` once it and its branches are done, or None at the end.
    """

    __slots__ = (
        "_reachable",
        "entry",
        "entry_config",
        "exits",
        "first",
        "following",
        "goals",
        "is_readable",
        "nodes",
        "quiet",
        "wait_scale",
    )

    def __init__(
        self,
        steps: tuple[StepNode, ...],
        *,
        entry: EntryKind,
        entry_config: Any,
        goals: tuple[EventRule, ...] = (),
        exits: tuple[EventRule, ...] = (),
        wait_scale: float = 1.0,
        quiet: QuietHours | None = None,
        is_readable: bool = True,
    ) -> None:
        self.quiet = quiet
        self.entry, self.entry_config = entry, entry_config
        self.goals, self.exits, self.wait_scale, self.is_readable = goals, exits, wait_scale, is_readable
        self.nodes: dict[str, StepNode] = {}
        self.following: dict[str, str | None] = {}
        self.first = steps[0].key if steps else None
        self._index(steps, None)
        self._reachable: dict[str, frozenset[Fact]] = {}

    def branch(self, key: str, name: str) -> str | None:
        """The step that a branch leads to: its first one, or, when it is empty, what follows the branching step."""
        sequence = dict(self.nodes[key].branches).get(name, ())
        return sequence[0].key if sequence else self.following[key]

    def needs_from(self, key: str) -> frozenset[Fact]:
        """Facts that a decision which starts at `key` may want: its own and those of all steps up to the next waits."""
        if key not in self._reachable:
            facts = {rule.fact for rule in (*self.goals, *self.exits)}
            for node in self._until_waits(key, set()):
                facts.update(node.kind.needs(node.config))
            self._reachable[key] = frozenset(facts)
        return self._reachable[key]

    def _index(self, steps: tuple[StepNode, ...], after: str | None) -> None:
        for position, node in enumerate(steps):
            is_last = position == len(steps) - 1
            self.nodes[node.key] = node
            self.following[node.key] = after if is_last else steps[position + 1].key
            for _name, sequence in node.branches:
                self._index(sequence, self.following[node.key])

    def _until_waits(self, key: str | None, seen: set[str]) -> Iterator[StepNode]:
        pending = [(key, True)]
        while pending:
            current, is_start = pending.pop()
            if current is None or current in seen:
                continue
            seen.add(current)
            node = self.nodes[current]
            yield node
            if getattr(node.kind, "waits", False) and not is_start:
                continue
            starts = [self.branch(current, name) for name, _ in node.branches]
            pending.extend((start, False) for start in starts or [self.following[current]])
