"""All, any, none; nested, and asked only as far as it takes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pure import view
from triggers.conditions import bind
from triggers.core.values import Fact
from triggers.core.words import say
from triggers.exceptions import InvalidConfig

TAGS = Fact("tags")


def tag(name: str) -> dict[str, Any]:
    return {"kind": "tag", "tag": name}


def group(kind: str, *members: dict[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "of": list(members)}


@pytest.mark.parametrize(
    ("kind", "tags", "holds"),
    [
        ("all", "ab", True),
        ("all", "a", False),
        ("all", "", False),
        ("any", "b", True),
        ("any", "", False),
        ("none", "", True),
        ("none", "b", False),
        ("none", "ab", False),
    ],
)
def test_truth(kind: str, tags: str, holds: bool) -> None:
    bound = bind(group(kind, tag("a"), tag("b")))
    assert bound.evaluate(view({TAGS: set(tags)})).holds is holds


def test_nested_groups() -> None:
    bound = bind(group("all", tag("a"), group("none", tag("b"), group("all", tag("c"), tag("d")))))
    answers = {tags: bound.evaluate(view({TAGS: set(tags)})).holds for tags in ("a", "ac", "ab", "acd", "c")}
    assert answers == {"a": True, "ac": True, "ab": False, "acd": False, "c": False}
    assert say(bound.describe().text, bound.describe().data) == (
        "all of (has the tag “a”, none of (has the tag “b”, all of (has the tag “c”, has the tag “d”)))"
    )


def seen(raw: dict[str, Any], facts: dict[Fact, Any]) -> str:
    """What a group found, in words."""
    return say("%(seen)s", {"seen": bind(raw).evaluate(view(facts)).seen})


def test_a_group_says_what_settled_it() -> None:
    """A group that held used to have found "nothing"."""
    field = {"kind": "contact_field", "field": "language", "value": "de"}
    facts = {TAGS: {"x"}, Fact("contact_field", ("language",)): "de"}
    assert seen(group("any", tag("a"), field), facts) == "contact's language is de → de"
    assert seen(group("all", tag("a"), field), facts) == "has the tag “a” → x"
    both = "has the tag “x” → x, contact's language is de → de"
    assert seen(group("all", tag("x"), field), facts) == both
    assert seen(group("none", group("all", tag("x"), field)), facts) == both


def test_members_behind_the_answer_are_not_asked() -> None:
    """The second member's fact is not even loaded here."""
    field = {"kind": "contact_field", "field": "language", "value": "de"}
    assert bind(group("any", tag("a"), field)).evaluate(view({TAGS: {"a"}})).holds
    assert len(list(bind(group("any", tag("a"), field)).needs())) == 2


def nested(levels: int) -> dict[str, Any]:
    raw = tag("a")
    for _level in range(levels):
        raw = group("all", raw)
    return raw


@pytest.mark.parametrize(
    "raw",
    [
        {"kind": "all"},
        {"kind": "all", "of": []},
        {"kind": "all", "of": None},
        {"kind": "all", "of": "ab"},
        {"kind": "all", "of": {"a": tag("a")}},
        {"kind": "all", "of": [tag("a")], "more": 1},
        {"kind": "all", "of": [None]},
        group("all", *[tag("a")] * 51),
        nested(9),
        nested(500),
    ],
    ids=[
        "no members",
        "empty",
        "null",
        "text",
        "object",
        "unknown setting",
        "null member",
        "51",
        "9 deep",
        "500 deep",
    ],
)
def test_refused_groups(raw: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfig):
        bind(raw)


def test_the_deepest_group_there_may_be() -> None:
    assert bind(nested(7)).evaluate(view({TAGS: {"a"}})).holds
