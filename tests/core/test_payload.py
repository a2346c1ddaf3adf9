"""Filters on event data: paths, operators, and values of every type on both sides."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triggers.core.payload import Operator, PayloadFilter, compare, matches


@pytest.mark.parametrize(
    ("op", "actual", "expected", "holds"),
    [
        ("eq", 100, "100.00", True),
        ("eq", Decimal("99.90"), 99.9, True),
        ("eq", "DE", "de", True),
        ("eq", "Straße", "STRASSE", True),
        ("eq", True, "true", True),
        ("eq", True, 1, False),
        ("eq", None, "x", False),
        ("eq", "none", None, False),
        ("eq", "", None, True),
        ("ne", None, "x", True),
        ("ne", "x", "X", False),
        ("ne", "", None, False),
        ("gt", "1000", 999, True),
        ("gt", 10, "9", True),
        ("gt", 5, 5, False),
        ("gte", 5, 5.0, True),
        ("lt", "2.5", 3, True),
        ("lte", Decimal(3), "3", True),
        ("gt", "XL", 5, False),
        ("lt", "XL", 5, False),
        ("lt", "", 18, False),
        ("lt", None, 18, False),
        ("gt", True, 0, False),
        ("gt", float("nan"), 1, False),
        ("lt", "2026-03-01", "2026-12-01", True),
        ("gt", date(2026, 3, 1), "2025-12-31", True),
        ("contains", "Desk LAMP", "lamp", True),
        ("contains", "Desk", "lamp", False),
        ("contains", "nothing at all", None, True),
        ("contains", "none left", None, True),
        ("in", "DE", "at, de ,ch", True),
        ("in", 5, "1,5", True),
        ("in", "d", "de", False),
        ("exists", 0, None, True),
        ("exists", "", None, False),
        ("missing", None, None, True),
        ("missing", False, None, False),
        ("eq", 1, "9" * 5000, False),
        ("gt", 1, "1e999999999999999999999", False),
    ],
)
def test_comparisons(op: Operator, actual: Any, expected: Any, holds: bool) -> None:
    assert compare(op, actual, expected) is holds


DATA = {
    "value": 120.0,
    "coupon": "",
    "address": {"city": "Köln"},
    "items": [{"ref": "a", "price": 10, "tags": ["new"]}, {"ref": "b", "price": 90}],
    "nothing": [],
}


@pytest.mark.parametrize(
    ("path", "op", "value", "holds"),
    [
        ("value", "gte", 100, True),
        ("address.city", "eq", "köln", True),
        ("address.city.street", "exists", None, False),
        ("items.price", "gt", 50, True),
        ("items.price", "gt", 100, False),
        ("items.ref", "eq", "b", True),
        ("items.ref", "ne", "b", False),
        ("items.ref", "ne", "z", True),
        ("items.tags", "eq", "new", True),
        ("items.colour", "missing", None, True),
        ("items.tags", "missing", None, False),
        ("nothing", "missing", None, True),
        ("nothing.at.all", "ne", "x", True),
        ("nowhere", "eq", "x", False),
        ("nowhere", "lt", 5, False),
        ("coupon", "exists", None, False),
        ("", "exists", None, False),
        ("value.", "exists", None, False),
    ],
)
def test_paths(path: str, op: Operator, value: Any, holds: bool) -> None:
    """A path through a list means any of its elements; "is not" means none of them."""
    assert matches([PayloadFilter(path, op, value)], DATA) is holds


def test_all_filters_must_hold() -> None:
    assert matches([], {})
    assert not matches([PayloadFilter("value", "gt", 1), PayloadFilter("value", "gt", 1000)], DATA)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.decimals(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
operators = st.sampled_from(("eq", "ne", "gt", "gte", "lt", "lte", "contains", "in", "exists", "missing"))


@given(operators, anything, st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.text())
def test_every_comparison_has_an_answer(op: Operator, actual: Any, expected: Any, path: str) -> None:
    assert compare(op, actual, expected) in (True, False)
    assert matches([PayloadFilter(path, op, expected)], {path: actual}) in (True, False)


@given(anything, st.integers() | st.text())
def test_is_and_is_not_are_opposites(actual: Any, expected: Any) -> None:
    assert compare("eq", actual, expected) is not compare("ne", actual, expected)
