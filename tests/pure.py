"""Graphs, journeys and views for tests of the pure part; no database anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from triggers.core.graph import EventRule, Graph, StepNode
from triggers.core.kinds import View
from triggers.core.limits import Limits
from triggers.core.schedule import QuietHours
from triggers.core.values import Decision, EventValue, Fact, JourneyState, Need
from triggers.entries import entries
from triggers.steps import steps

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
# For the two templates that these tests send: the shop has no rules.
FREE: dict[Fact, Any] = {
    Fact("sending_limits", args): Limits() for args in (("email", "hello"), ("sms", "hi"))
}


def utc(text: str) -> datetime:
    """The UTC moment written as `2026-03-29 01:00`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def journey(step: str = "a", **fields: Any) -> JourneyState:
    given: dict[str, Any] = {"id": 1, "contact_id": 1, "since": NOW, "seq": 0, "entered_at": NOW}
    return JourneyState(step=step, **(given | fields))


def view(
    facts: Mapping[Fact, Any] | None = None, *, now: datetime = NOW, wait_scale: float = 1.0, **fields: Any
) -> View:
    state = journey(**fields)
    return View(state, dict(facts or {}), now, state.since, wait_scale)


def node(
    key: str, kind: str, config: Mapping[str, Any] | None = None, **branches: Sequence[StepNode]
) -> StepNode:
    """A step of an installed kind; `yes=[…]` and the like are its branches."""
    installed = steps.get(kind)
    inner = tuple((name, tuple(branches.get(name, ()))) for name, _label in installed.branches)
    return StepNode(key, installed, installed.parse(config or {}), inner)


def graph(
    *nodes: StepNode,
    goals: Sequence[EventRule] = (),
    exits: Sequence[EventRule] = (),
    wait_scale: float = 1.0,
    quiet: QuietHours | None = None,
) -> Graph:
    entry = entries.get("event")
    config = entry.parse({"event": "sign_up"})
    return Graph(
        tuple(nodes),
        entry=entry,
        entry_config=config,
        goals=tuple(goals),
        exits=tuple(exits),
        wait_scale=wait_scale,
        quiet=quiet,
    )


def decided(answer: Decision | Need) -> Decision:
    assert isinstance(answer, Decision), answer
    return answer


def event(name: str = "sign_up", **fields: Any) -> EventValue:
    given: dict[str, Any] = {"id": 1, "uid": "u-1", "contact_id": 1, "occurred_at": NOW, "recorded_at": NOW}
    return EventValue(name=name, **(given | fields))
