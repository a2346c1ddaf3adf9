"""One decision: which moves, where the journey stands afterwards, and why."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.pure import FREE, NOW, decided, graph, journey, node
from triggers.core.decide import decide
from triggers.core.graph import EventRule, StepNode, UnknownStep
from triggers.core.kinds import View
from triggers.core.values import (
    ChangeContact,
    Fact,
    Go,
    JourneyStatus,
    Need,
    Outcome,
    QueueMessage,
    Reason,
    WaitUntil,
)
from triggers.steps import Step, steps

TAGS = Fact("tags")
LETTER = {"template": "hello"}
IS_VIP = {"condition": {"kind": "tag", "tag": "vip"}}
HOUR = timedelta(hours=1)


def letter(key: str) -> StepNode:
    return node(key, "send_email", LETTER)


def wait(key: str, hours: int = 1) -> StepNode:
    return node(key, "wait", {"amount": hours, "unit": "hours"})


def test_it_walks_to_the_next_wait() -> None:
    decision = decided(decide(graph(letter("a"), wait("b"), letter("c")), journey(seq=4), FREE, NOW))
    assert [(move.seq, move.step) for move in decision.moves] == [(5, "a"), (6, "b")]
    assert (decision.status, decision.step, decision.since) == (JourneyStatus.ACTIVE, "b", NOW)
    assert decision.due_at == NOW + HOUR
    assert decision.moves[0].effect == QueueMessage("email", "hello")


def test_a_wait_that_is_over_is_passed_and_the_next_one_counts_from_now() -> None:
    late = NOW + 5 * HOUR
    decision = decided(decide(graph(wait("a"), wait("b", 2)), journey(), {}, late))
    assert [move.step for move in decision.moves] == ["b"]
    assert (decision.since, decision.due_at) == (late, late + 2 * HOUR)


def test_a_wait_is_over_at_its_very_moment() -> None:
    decision = decided(decide(graph(wait("a")), journey(), {}, NOW + HOUR))
    assert decision.status == JourneyStatus.FINISHED
    assert decision.due_at is None


def test_asked_too_early_it_goes_on_waiting_from_where_it_began() -> None:
    decision = decided(decide(graph(wait("a")), journey(), {}, NOW + HOUR / 2))
    assert (decision.since, decision.due_at) == (NOW, NOW + HOUR)


def test_the_end_is_a_move_with_a_reason() -> None:
    decision = decided(decide(graph(letter("a")), journey(), FREE, NOW))
    assert decision.status == JourneyStatus.FINISHED
    assert decision.step == ""
    assert [move.reason.text for move in decision.moves][-1] == "Reached the end of the chain"


@pytest.mark.parametrize(
    ("tags", "expected"),
    [({"vip"}, ["ask", "gold", "after", ""]), ({"Vip"}, ["ask", "after", ""]), (None, ["ask", "after", ""])],
    ids=["into the branch", "tags have case; an empty branch leads past it", "no tags at all"],
)
def test_branches(tags: Any, expected: list[str]) -> None:
    tree = graph(node("ask", "condition", IS_VIP, yes=[letter("gold")]), letter("after"))
    decision = decided(decide(tree, journey("ask"), FREE | {TAGS: tags}, NOW))
    assert [move.step for move in decision.moves] == expected


def test_after_nested_branches_the_outer_sequence_goes_on() -> None:
    inner = node("inner", "condition", IS_VIP, yes=[letter("deep")])
    tree = graph(node("outer", "condition", IS_VIP, yes=[inner]), letter("after"))
    decision = decided(decide(tree, journey("outer"), FREE | {TAGS: {"vip"}}, NOW))
    assert [move.step for move in decision.moves] == ["outer", "inner", "deep", "after", ""]


def test_what_follows_a_change_of_the_contact_is_decided_with_fresh_facts() -> None:
    change = node("a", "change_contact", {"add_tags": ["vip"]})
    decision = decided(decide(graph(change, letter("b")), journey(), {}, NOW))
    assert (decision.status, decision.step, decision.due_at) == (JourneyStatus.ACTIVE, "b", NOW)
    assert [move.effect for move in decision.moves] == [ChangeContact(add_tags=("vip",))]


def test_a_change_as_the_last_step_ends_the_journey_at_once() -> None:
    decision = decided(decide(graph(node("a", "change_contact", {"add_tags": ["vip"]})), journey(), {}, NOW))
    assert decision.status == JourneyStatus.FINISHED
    assert len(decision.moves) == 2


def test_exit_says_why() -> None:
    decision = decided(decide(graph(node("a", "exit", {"why": "too dear"}), letter("b")), journey(), {}, NOW))
    assert decision.status == JourneyStatus.EXITED
    assert decision.due_at is None
    assert decision.reason == Reason("Leaves the chain: %(why)s", {"why": "too dear"})


def test_a_missing_fact_is_asked_for_and_nothing_is_decided() -> None:
    answer = decide(graph(letter("a"), node("b", "condition", IS_VIP)), journey(), FREE, NOW)
    assert answer == Need(frozenset({TAGS}))


def test_a_goal_comes_before_every_step() -> None:
    goal, bounced = EventRule("purchase"), EventRule("email_bounced")
    tree = graph(letter("a"), goals=[goal], exits=[bounced])
    facts = {goal.fact: 1, bounced.fact: 3}
    decision = decided(decide(tree, journey(seq=7), facts, NOW))
    assert decision.status == JourneyStatus.EXITED
    assert decision.step == "a"
    assert [(move.seq, move.effect) for move in decision.moves] == [(8, None)]
    assert decision.reason == Reason("Goal reached: %(event)s", {"event": "purchase"})
    facts[goal.fact] = 0
    assert decided(decide(tree, journey(), facts, NOW)).reason == Reason(
        "Left because of %(event)s", {"event": "email_bounced"}
    )


@pytest.mark.parametrize(
    ("waited", "again"),
    [(0, 1), (1, 1), (2, 2), (50, 50), (300, 60), (24 * 60 - 1, 60)],
)
def test_an_unknown_kind_is_left_to_others_each_time_for_as_long_as_it_has_waited(
    waited: int, again: int
) -> None:
    minute, since = timedelta(minutes=1), NOW - HOUR
    now = NOW + waited * minute
    tree = graph(StepNode("a", UnknownStep("gone"), {"was": 1}), letter("b"))
    decision = decided(decide(tree, journey(since=since, planned_at=NOW), {}, now))
    until = now + again * minute
    assert (decision.status, decision.step, decision.due_at) == (JourneyStatus.ACTIVE, "a", until)
    # What was late is not made early by it.
    assert (decision.since, decision.planned_at) == (since, NOW)
    data = {"until_at": until.isoformat(), "problem": "gone"}
    assert decision.moves[0].reason == Reason("Left to another worker until %(until_at)s: %(problem)s", data)


def test_an_unknown_kind_that_nobody_knew_for_a_day_waits_for_a_person() -> None:
    tree = graph(StepNode("a", UnknownStep("gone"), {"was": 1}), letter("b"))
    decision = decided(decide(tree, journey(), {}, NOW + 24 * HOUR))
    assert (decision.status, decision.step, decision.due_at) == (JourneyStatus.PAUSED, "a", None)
    assert decision.moves[0].reason == Reason("Waits for a person: %(problem)s", {"problem": "gone"})


def test_a_step_that_is_reached_late_has_its_day_from_there() -> None:
    tree = graph(letter("a"), StepNode("b", UnknownStep("gone"), None))
    decision = decided(decide(tree, journey(), FREE, NOW + 48 * HOUR))
    assert (decision.status, decision.step) == (JourneyStatus.ACTIVE, "b")


def test_a_long_chain_is_walked_to_its_end() -> None:
    """More than 200 moves in one go used to end a journey as finished, with the rest of its letters unsent."""
    decision = decided(
        decide(graph(*(letter(f"s{number}") for number in range(450))), journey("s0"), FREE, NOW)
    )
    assert sum(move.effect is not None for move in decision.moves) == 450


class Stamp(Step):
    """A stranger's kind: asks for a fact of its own, then waits or goes on."""

    key = "stamp"
    label = "Stamp"
    waits = True
    wanted = Fact("stamps", ("blue",))

    def needs(self, config: Any) -> tuple[Fact, ...]:
        return (self.wanted,)

    def decide(self, config: Any, view: View) -> Outcome:
        if view.fact(self.wanted):
            return Go(Reason("stamped"), QueueMessage("pigeon", "note"))
        return WaitUntil(view.now + HOUR, Reason("no ink"))


@pytest.mark.parametrize(("ink", "status"), [(1, JourneyStatus.FINISHED), (0, JourneyStatus.ACTIVE)])
def test_a_strangers_kind_decides_like_ours(ink: int, status: JourneyStatus) -> None:
    with steps.registered(Stamp):
        tree = graph(node("a", "stamp"))
    assert tree.needs_from("a") == {Stamp.wanted}
    assert decide(tree, journey(), {}, NOW) == Need(frozenset({Stamp.wanted}))
    assert decided(decide(tree, journey(), {Stamp.wanted: ink}, NOW)).status == status
