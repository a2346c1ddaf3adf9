"""The tree: what comes after what, and what a decision may have to know."""

from __future__ import annotations

import pytest

from tests.pure import event, graph, node
from triggers.core.graph import EventRule, StepNode
from triggers.core.payload import PayloadFilter
from triggers.core.values import Fact


def tagged(key: str, tag: str, **branches: list[StepNode]) -> StepNode:
    return node(key, "condition", {"condition": {"kind": "tag", "tag": tag}}, **branches)


def bye(key: str) -> StepNode:
    return node(key, "exit")


TREE = graph(
    tagged("top", "x", yes=[bye("yes1"), tagged("yes2", "x", no=[bye("deep")])], no=[]),
    node("rest", "wait", {"amount": 1}),
    bye("last"),
)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("top", "rest"),
        ("yes1", "yes2"),
        ("yes2", "rest"),
        ("deep", "rest"),
        ("rest", "last"),
        ("last", None),
    ],
)
def test_following(key: str, expected: str | None) -> None:
    assert TREE.following[key] == expected


@pytest.mark.parametrize(
    ("key", "name", "expected"),
    [
        ("top", "yes", "yes1"),
        ("top", "no", "rest"),
        ("yes2", "no", "deep"),
        ("yes2", "yes", "rest"),
        ("top", "a branch that is not there", "rest"),
    ],
)
def test_branch(key: str, name: str, expected: str) -> None:
    assert TREE.branch(key, name) == expected


def test_an_empty_chain_has_no_first_step() -> None:
    assert graph().first is None


def field(name: str, key: str) -> StepNode:
    return node(key, "condition", {"condition": {"kind": "contact_field", "field": name, "op": "exists"}})


def test_facts_ahead_end_at_the_next_wait() -> None:
    """The wait that the journey stands at is passed; what lies behind the next one is not loaded yet."""
    tree = graph(
        node("here", "wait", {"amount": 1}),
        field("language", "a"),
        tagged("b", "x", yes=[field("phone", "c")], no=[node("stop", "wait", {"amount": 1})]),
        node("next", "wait", {"amount": 1}),
        field("birthday", "beyond"),
    )
    language, phone = (Fact("contact_field", (name,)) for name in ("language", "phone"))
    assert tree.needs_from("here") == {language, Fact("tags"), phone}
    assert tree.needs_from("next") == {Fact("contact_field", ("birthday",))}


def test_goals_and_exits_are_always_asked_for() -> None:
    rules = [EventRule("purchase"), EventRule("refund", (PayloadFilter("value", "gt", 5),), same_object=True)]
    assert graph(bye("a"), goals=rules[:1], exits=rules[1:]).needs_from("a") == {rule.fact for rule in rules}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (EventRule("purchase"), True),
        (EventRule("refund"), False),
        (EventRule("purchase", same_object=True), True),
        (EventRule("purchase", (PayloadFilter("value", "gte", 100),)), True),
        (EventRule("purchase", (PayloadFilter("value", "gt", 100),)), False),
    ],
)
def test_ending_events(rule: EventRule, expected: bool) -> None:
    assert rule.accepts(event("purchase", data={"value": 100}, object_ref="cart:1"), "cart:1") is expected


def test_another_object_does_not_end_a_journey_about_this_one() -> None:
    assert not EventRule("purchase", same_object=True).accepts(
        event("purchase", object_ref="cart:2"), "cart:1"
    )
