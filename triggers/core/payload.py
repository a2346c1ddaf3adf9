"""Filters on the data of an event: a path, an operator, a value; never an expression in a language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from triggers.core.values import Value

Operator = Literal["eq", "ne", "gt", "gte", "lt", "lte", "contains", "in", "exists", "missing"]


class PayloadFilter(Value, frozen=True, forbid_unknown_fields=True):
    """One test. `path` has dots (`items.category`); a path through a list means any of its elements."""

    path: str
    op: Operator = "eq"
    value: str | int | float | bool | None = None


def matches(filters: Sequence[PayloadFilter], data: Mapping[str, Any]) -> bool:
    """Whether all filters hold for this data."""
    return all(_holds(one, data) for one in filters)


def compare(op: Operator, actual: Any, expected: Any) -> bool:
    """One comparison as a shop owner means it: numbers by value, text without regard to case.

    No value to compare with is the empty text. Which of a number and a word is more cannot be said, so neither is.
    """
    if op == "exists":
        return actual not in (None, "")
    if op == "missing":
        return actual in (None, "")
    if actual is None:
        return op == "ne"
    expected = "" if expected is None else expected
    if op in ("contains", "in"):
        return _contains(op, actual, expected)
    left, right = _comparable(actual, expected)
    if op == "eq":
        return bool(left == right)
    if op == "ne":
        return bool(left != right)
    return _number_or_word(actual) is _number_or_word(expected) and _ordered(op, left, right)


def _holds(one: PayloadFilter, data: Mapping[str, Any]) -> bool:
    found = list(_at(data, one.path.split(".")))
    if one.op in ("ne", "missing"):
        return all(compare(one.op, value, one.value) for value in found or [None])
    return any(compare(one.op, value, one.value) for value in found)


def _at(value: Any, path: list[str]) -> list[Any]:
    if isinstance(value, list | tuple):
        return [found for element in value for found in _at(element, path)]
    if not path:
        return [value]
    if isinstance(value, Mapping) and path[0] in value:
        return _at(value[path[0]], path[1:])
    return []


def _comparable(actual: Any, expected: Any) -> tuple[Any, Any]:
    if isinstance(actual, bool) or isinstance(expected, bool):
        return str(actual).casefold(), str(expected).casefold()
    left, right = _number(actual), _number(expected)
    if left is not None and right is not None:
        return left, right
    return str(actual).casefold(), str(expected).casefold()


def _number_or_word(value: Any) -> type:
    return str if _number(value) is None else Decimal


def _number(value: Any) -> Decimal | None:
    text = str(value)
    if text.isalpha():
        # Words are common, and finding out the long way takes longer than all the rest of a comparison.
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _contains(op: Operator, actual: Any, expected: Any) -> bool:
    if op == "in":
        choices = [part.strip().casefold() for part in str(expected).split(",")]
        return str(actual).casefold() in choices
    return str(expected).casefold() in str(actual).casefold()


def _ordered(op: Operator, left: Any, right: Any) -> bool:
    if op == "gt":
        return bool(left > right)
    if op == "gte":
        return bool(left >= right)
    if op == "lt":
        return bool(left < right)
    return bool(left <= right)
