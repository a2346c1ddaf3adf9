"""The exit step."""

from __future__ import annotations

import pytest

from tests.pure import view
from triggers.core.values import Exit
from triggers.core.words import say
from triggers.steps import steps


@pytest.mark.parametrize(
    ("config", "sentence"),
    [({}, "Leaves the chain"), ({"why": "100 % done"}, "Leaves the chain: 100 % done")],
)
def test_it_leaves_and_says_why(config: dict[str, str], sentence: str) -> None:
    step = steps.get("exit")
    parsed = step.parse(config)
    outcome = step.decide(parsed, view())
    assert isinstance(outcome, Exit)
    assert step.describe(parsed) == outcome.reason
    assert say(outcome.reason.text, outcome.reason.data) == sentence
