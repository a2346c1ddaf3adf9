"""The draft's verbs keep the tree whole and never give a key twice."""

from __future__ import annotations

from typing import Any

import pytest

from tests.build import draft_chain, live_chain
from triggers.engine.draft import MOST_DEPTH, DraftNode, add_step, delete_step, draft_tree, move_step
from triggers.engine.publish import publish
from triggers.exceptions import InvalidChain, InvalidConfig, UnknownKind
from triggers.models import Chain

pytestmark = pytest.mark.django_db

HOURS = {"amount": 3, "unit": "hours"}
TAGGED = {"condition": {"kind": "tag", "tag": "vip"}}


def shape(nodes: tuple[DraftNode, ...]) -> list[object]:
    return [
        (node.step.key, {name: shape(inside) for name, inside in node.branches})
        if node.branches
        else node.step.key
        for node in nodes
    ]


def test_a_tree_grows_in_order() -> None:
    chain = draft_chain([])
    ask = add_step(chain, "condition", TAGGED)
    add_step(chain, "exit", {}, parent=ask, branch="no")
    add_step(chain, "wait", HOURS, position=0)
    add_step(chain, "wait", HOURS, parent=ask, branch="no", position=0)
    assert shape(draft_tree(chain)) == ["wait_1", ("condition_1", {"yes": [], "no": ["wait_2", "exit_1"]})]
    publish(chain)


def test_a_tree_is_read_in_one_query(django_assert_num_queries: object) -> None:
    chain = draft_chain([(f"w{number}", "wait", HOURS) for number in range(50)])
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert len(draft_tree(chain)) == 50


def test_moving_and_deleting_renumber() -> None:
    chain = draft_chain([(f"w{number}", "wait", HOURS) for number in range(4)])
    steps = {step.key: step for step in chain.steps.all()}
    move_step(steps["w0"], "up")
    move_step(steps["w3"], "down")
    move_step(steps["w0"], "down")
    assert delete_step(steps["w2"]) == 1
    assert list(chain.steps.order_by("position").values_list("key", "position")) == [
        ("w1", 0),
        ("w0", 1),
        ("w3", 2),
    ]


def test_deleting_takes_the_branches_along() -> None:
    inner: tuple[Any, ...] = ("b", "condition", TAGGED, {"yes": [("c", "exit", {})]})
    chain = draft_chain([("a", "condition", TAGGED, {"no": [inner]}), ("d", "exit", {})])
    assert delete_step(chain.steps.get(key="a")) == 3
    assert shape(draft_tree(chain)) == ["d"]


def test_a_key_that_was_published_is_never_given_again() -> None:
    chain = live_chain([("wait_1", "wait", HOURS), ("wait_2", "wait", HOURS)])
    for step in chain.steps.all():
        delete_step(step)
    assert add_step(chain, "wait", HOURS).key == "wait_3"


def test_a_key_that_a_condition_still_asks_about_is_not_given_again() -> None:
    asks = {"condition": {"kind": "message_reaction", "step": "send_email_1", "reaction": "opened"}}
    chain = draft_chain([("condition_1", "condition", asks)])
    assert add_step(chain, "send_email", {"template": "x"}).key == "send_email_2"


def test_what_does_not_fit_is_refused() -> None:
    chain, other = (
        draft_chain([("wait_1", "wait", HOURS)]),
        draft_chain([("q", "condition", TAGGED)], key="other"),
    )
    wait, ask = chain.steps.get(), other.steps.get()
    with pytest.raises(UnknownKind):
        add_step(chain, "alien", {})
    with pytest.raises(InvalidConfig):
        add_step(chain, "wait", {"amount": "soon"})
    for parent, branch in ((None, "yes"), (wait, "yes"), (ask, "yes")):
        with pytest.raises(InvalidChain):
            add_step(chain, "exit", {}, parent=parent, branch=branch)
    with pytest.raises(InvalidChain):
        add_step(other, "exit", {}, parent=ask, branch="maybe")
    assert chain.steps.count() == 1


def test_depth_ends() -> None:
    chain = draft_chain([])
    ask = add_step(chain, "condition", TAGGED)
    for _level in range(MOST_DEPTH - 1):
        ask = add_step(chain, "condition", TAGGED, parent=ask, branch="yes")
    with pytest.raises(InvalidChain, match="levels deep"):
        add_step(chain, "exit", {}, parent=ask, branch="yes")


def test_a_branch_that_is_gone_stays_in_sight() -> None:
    chain = draft_chain(
        [
            ("q", "condition", TAGGED, {"maybe": [("lost", "exit", {})]}),
            ("x", "alien", {}, {"b": [("y", "exit", {})]}),
        ]
    )
    assert shape(draft_tree(chain)) == [("q", {"yes": [], "no": [], "maybe": ["lost"]}), ("x", {"b": ["y"]})]
    assert Chain.objects.get().steps.count() == 4
