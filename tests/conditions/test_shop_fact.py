"""Live facts of the shop."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.pure import view
from triggers.conditions import bind
from triggers.core.values import Fact


@pytest.mark.parametrize(
    ("op", "value", "seen", "holds"),
    [
        ("gte", 1000, Decimal("1000.00"), True),
        ("gte", "1000", Decimal("999.99"), False),
        ("gt", 0, 0, False),
        ("eq", "shipped", "Shipped", True),
        ("missing", None, None, True),
        ("gte", 1000, None, False),
    ],
)
def test_answers(op: str, value: Any, seen: Any, holds: bool) -> None:
    bound = bind({"kind": "shop_fact", "fact": "cart.total", "op": op, "value": value})
    assert bound.evaluate(view({Fact("shop", ("cart.total",)): seen})).holds is holds


def test_an_adapter_that_no_longer_knows_the_fact_is_not_an_error() -> None:
    bound = bind({"kind": "shop_fact", "fact": "no.longer", "value": 5})
    assert not bound.evaluate(view({Fact("shop", ("no.longer",)): None})).holds
