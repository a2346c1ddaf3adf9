"""The condition step: one question, two branches, and the value that was seen."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.pure import view
from triggers.core.values import Branch, Fact
from triggers.core.words import say
from triggers.exceptions import InvalidConfig, UnknownKind
from triggers.steps import steps

CONDITION = steps.get("condition")
CART = {"kind": "shop_fact", "fact": "cart.total", "op": "gte", "value": 100}
TOTAL = Fact("shop", ("cart.total",))


@pytest.mark.parametrize(
    ("seen", "branch", "sentence"),
    [
        (Decimal("120.50"), "yes", "Yes: cart.total is at least 100 (found: 120.50)"),
        (Decimal(5), "no", "No: cart.total is at least 100 (found: 5)"),
        (None, "no", "No: cart.total is at least 100 (found: nothing)"),
        (date(2026, 3, 2), "no", "No: cart.total is at least 100 (found: 2026-03-02)"),
    ],
)
def test_branches(seen: Any, branch: str, sentence: str) -> None:
    config = CONDITION.parse({"condition": CART})
    assert list(CONDITION.needs(config)) == [TOTAL]
    outcome = CONDITION.decide(config, view({TOTAL: seen}))
    assert isinstance(outcome, Branch)
    assert outcome.name == branch
    assert say(outcome.reason.text, outcome.reason.data) == sentence
    msgspec.json.encode(outcome.reason.data)


@pytest.mark.parametrize(
    "raw", [{}, {"condition": None}, {"condition": []}, {"condition": {}}, {"condition": {"kind": ["tag"]}},
            {"condition": CART, "more": 1}, {"condition": CART | {"op": "like"}}]
)  # fmt: skip
def test_refused_settings(raw: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfig):
        CONDITION.parse(raw)


def test_a_question_of_a_kind_that_is_gone_is_unknown_and_not_wrong() -> None:
    with pytest.raises(UnknownKind, match="moon_phase"):
        CONDITION.parse({"condition": {"kind": "moon_phase"}})
