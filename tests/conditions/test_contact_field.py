"""Fields and attributes of the contact."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.pure import view
from triggers.conditions import bind
from triggers.core.values import Fact
from triggers.exceptions import InvalidConfig


@pytest.mark.parametrize(
    ("field", "op", "value", "seen", "holds"),
    [
        ("language", "eq", "DE", "de", True),
        ("first_name", "missing", None, "", True),
        ("phone", "exists", None, None, False),
        ("birthday", "lt", "2000-01-01", date(1999, 12, 31), True),
        ("attributes.size", "in", "L, XL", "xl", True),
        ("attributes.orders", "gte", 3, "3", True),
        ("attributes.orders", "gte", 3, None, False),
        ("attributes.orders", "lt", 3, "", False),
        ("attributes.colours", "contains", "red", ["red", "blue"], True),
    ],
)
def test_answers(field: str, op: str, value: Any, seen: Any, holds: bool) -> None:
    bound = bind({"kind": "contact_field", "field": field, "op": op, "value": value})
    fact = Fact("contact_field", (field,))
    assert list(bound.needs()) == [fact]
    verdict = bound.evaluate(view({fact: seen}))
    assert (verdict.holds, verdict.seen) == (holds, seen)


@pytest.mark.parametrize("field", ["", "id", "email_key", "tags__name", "attributes", "attributes."])
def test_there_are_no_other_fields(field: str) -> None:
    with pytest.raises(InvalidConfig, match="no contact field"):
        bind({"kind": "contact_field", "field": field})
