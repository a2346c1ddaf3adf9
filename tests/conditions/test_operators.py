"""A comparison that could never come true is refused when it is written."""

from __future__ import annotations

from typing import Any

import pytest

from triggers.conditions import bind
from triggers.exceptions import InvalidConfig


@pytest.mark.parametrize(
    "kind", [{"kind": "shop_fact", "fact": "cart.total"}, {"kind": "contact_field", "field": "birthday"}]
)
@pytest.mark.parametrize(
    ("op", "value", "problem"),
    [
        ("gte", "drei", "a number or a date"),
        ("lt", "NaN", "a number or a date"),
        ("gt", "", "nothing to compare with"),
        ("eq", None, "nothing to compare with"),
    ],
)
def test_refused(kind: dict[str, Any], op: str, value: Any, problem: str) -> None:
    with pytest.raises(InvalidConfig, match=problem):
        bind({**kind, "op": op, "value": value})


@pytest.mark.parametrize(
    ("op", "value"), [("gte", "3"), ("lt", "2026-12-31"), ("gt", 1.5), ("exists", None), ("eq", "x")]
)
def test_accepted(op: str, value: Any) -> None:
    bind({"kind": "shop_fact", "fact": "cart.total", "op": op, "value": value})


def test_a_mistyped_field_is_named_with_the_one_that_was_meant() -> None:
    with pytest.raises(InvalidConfig, match="did you mean 'first_name'"):
        bind({"kind": "contact_field", "field": "firstname", "op": "exists"})
