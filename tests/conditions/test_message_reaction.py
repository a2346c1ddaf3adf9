"""What the contact did with an earlier message."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pure import view
from triggers.conditions import bind
from triggers.core.values import Fact
from triggers.exceptions import InvalidConfig


@pytest.mark.parametrize(
    ("reaction", "seen", "holds"),
    [
        ("opened", {"opened"}, True),
        ("opened", {"clicked"}, True),
        ("opened", set(), False),
        ("clicked", {"opened"}, False),
        ("clicked", {"opened", "clicked"}, True),
        ("none", set(), True),
        ("none", None, True),
        ("none", {"clicked"}, False),
    ],
)
def test_answers(reaction: str, seen: Any, holds: bool) -> None:
    """Pictures are often blocked: a click is an opening as well."""
    bound = bind({"kind": "message_reaction", "step": "letter", "reaction": reaction})
    assert bound.evaluate(view({Fact("message_reactions", ("letter",)): seen})).holds is holds


@pytest.mark.parametrize("raw", [{}, {"step": None}, {"step": "x", "reaction": "smiled"}])
def test_refused_settings(raw: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfig):
        bind({"kind": "message_reaction"} | raw)
