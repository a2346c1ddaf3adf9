"""`decide` and nothing else decides: live turns, previews and back-tests all call it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from triggers.core.graph import Graph, StepNode
from triggers.core.kinds import MissingFact, View
from triggers.core.values import (
    Branch,
    ChangeContact,
    Decision,
    Exit,
    Fact,
    Go,
    JourneyState,
    JourneyStatus,
    Move,
    Need,
    Outcome,
    Pause,
    PutOff,
    QueueMessage,
    Reason,
    WaitUntil,
)

END = Reason("Reached the end of the chain")


def decide(graph: Graph, journey: JourneyState, facts: dict[Fact, Any], now: datetime) -> Decision | Need:
    """What happens to this journey at `now`, given these facts.

    Walks step by step until a step waits, the chain ends, or the contact changes (what follows a change is decided
    with fresh facts, at once). Returns Need when a fact is not in `facts`; ask again with it.
    """
    try:
        return _leave_early(graph, journey, facts, now) or _walk(graph, journey, facts, now)
    except MissingFact as missing:
        return Need(frozenset({missing.fact}))


def _leave_early(
    graph: Graph, journey: JourneyState, facts: dict[Fact, Any], now: datetime
) -> Decision | None:
    view = View(journey, facts, now, journey.since, graph.wait_scale)
    for rules, text in ((graph.goals, "Goal reached: %(event)s"), (graph.exits, "Left because of %(event)s")):
        for rule in rules:
            if view.fact(rule.fact):
                reason = Reason(text, {"event": rule.event})
                move = Move(journey.seq + 1, journey.step, reason)
                return Decision(
                    JourneyStatus.EXITED, journey.step, now, None, (move,), reason, cancels_queued=True
                )
    return None


def _walk(graph: Graph, journey: JourneyState, facts: dict[Fact, Any], now: datetime) -> Decision:
    step: str | None = journey.step
    since, planned_at = journey.since, journey.planned_at or journey.since
    moves: list[Move] = []
    queued: tuple[QueueMessage, ...] = ()
    # Who joins a plan that had begun already (a birthday's, entered late) counts by it until something is sent.
    by_plan = journey.since < journey.entered_at
    # Ends: a chain is a finite tree, and every round goes forward in it.
    while step is not None:
        node = graph.nodes[step]
        view = View(
            *(journey, facts, now, since, graph.wait_scale),
            planned_at=planned_at,
            quiet=graph.quiet,
            queued=queued,
        )
        outcome = node.kind.decide(node.config, view)
        if isinstance(outcome, WaitUntil) and outcome.at <= now:
            step, planned_at = graph.following[step], outcome.at
            since = outcome.at if by_plan else now
            continue
        moves.append(_move(journey.seq + len(moves) + 1, node, outcome))
        if isinstance(outcome, PutOff):
            return Decision(
                JourneyStatus.ACTIVE,
                step,
                since,
                outcome.at,
                tuple(moves),
                outcome.reason,
                planned_at=planned_at,
            )
        if isinstance(outcome, WaitUntil | Exit | Pause):
            return _stop(outcome, step, since, now, moves)
        step, since = _next(graph, step, outcome), max(since, planned_at if by_plan else now)
        effect = outcome.effect if isinstance(outcome, Go) else None
        if isinstance(effect, QueueMessage):
            # What follows a message counts from the moment at which it is to leave.
            queued, since, by_plan = (*queued, effect), max(since, effect.send_after or now), False
        if isinstance(effect, ChangeContact) and step is not None:
            return Decision(JourneyStatus.ACTIVE, step, since, now, tuple(moves), planned_at=planned_at)
    moves.append(Move(journey.seq + len(moves) + 1, "", END))
    return Decision(JourneyStatus.FINISHED, "", now, None, tuple(moves), END)


def _move(seq: int, node: StepNode, outcome: Outcome) -> Move:
    branch = outcome.name if isinstance(outcome, Branch) else ""
    effect = outcome.effect if isinstance(outcome, Go) else None
    return Move(seq, node.key, outcome.reason, branch, effect)


def _next(graph: Graph, step: str, outcome: Outcome) -> str | None:
    if isinstance(outcome, Branch):
        return graph.branch(step, outcome.name)
    return graph.following[step]


def _stop(
    outcome: WaitUntil | Exit | Pause, step: str, since: datetime, now: datetime, moves: list[Move]
) -> Decision:
    if isinstance(outcome, WaitUntil):
        return Decision(JourneyStatus.ACTIVE, step, since, outcome.at, tuple(moves), outcome.reason)
    status = JourneyStatus.EXITED if isinstance(outcome, Exit) else JourneyStatus.PAUSED
    return Decision(status, step, since, None, tuple(moves), outcome.reason)
