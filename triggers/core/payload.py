"""Filters on the data of an event: a path, an operator, a value; never an expression in a language."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

from triggers.core.values import Value

Operator = Literal["eq", "ne", "gt", "gte", "lt", "lte", "contains", "in", "exists", "missing"]


# A number as people write it; short enough for every database's exact numbers.
NUMBER = re.compile(r"[+-]?([0-9]{1,20}(\.[0-9]{0,20})?|\.[0-9]{1,20})\Z")


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

    No value to compare with is the empty text. Which of a number and a word is more cannot be said, so neither is. Of a
    list, any element; "is not" and "missing" ask that no element is. An object is there, and is no value. `engine`
    puts exactly this into SQL: who changes it, changes both.
    """
    if op == "ne":
        return not compare("eq", actual, expected)
    if op == "missing":
        return not compare("exists", actual, expected)
    if isinstance(actual, list | tuple):
        return any(_compare_one(op, one, expected) for one in actual if not isinstance(one, list | tuple))
    return _compare_one(op, actual, expected)


def fold(value: Any) -> str:
    """A text or number as it is compared: without regard to case."""
    return str(value).casefold()


def number(value: Any) -> Decimal | None:
    """The finite number that a value is: a number, or a text written as one, `-12.50` for example; True is none."""
    if isinstance(value, str):
        return Decimal(value) if NUMBER.match(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    found = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
    return found if found.is_finite() else None


def values_at(path: Sequence[str], data: Any) -> list[Any]:
    """What a path leads to: through a list to each of its elements; of a list at its end, the elements."""
    elements = data if isinstance(data, list | tuple) else [data]
    if not path:
        return [one for one in elements if not isinstance(one, list | tuple)]
    return [
        found
        for one in elements
        if isinstance(one, Mapping) and path[0] in one
        for found in values_at(path[1:], one[path[0]])
    ]


def numbers_at(path: Sequence[str], data: Any) -> list[Decimal]:
    """All numbers that a path leads to."""
    found = (number(value) for value in values_at(path, data))
    return [one for one in found if one is not None]


def _holds(one: PayloadFilter, data: Mapping[str, Any]) -> bool:
    return compare(one.op, values_at(one.path.split("."), data), one.value)


def _compare_one(op: Operator, actual: Any, expected: Any) -> bool:
    if op == "exists":
        return actual not in (None, "")
    if actual is None or isinstance(actual, Mapping):
        return False
    expected = "" if expected is None else expected
    if op == "in":
        return any(_is_equal(actual, part.strip()) for part in str(expected).split(","))
    if op == "contains":
        # What a database writes for a fraction is its own affair.
        return not isinstance(actual, float) and fold(expected) in fold(actual)
    if op == "eq":
        return _is_equal(actual, expected)
    left, right = number(actual), number(expected)
    if (left is None) is not (right is None):
        return False
    return _ordered(op, left, right) if left is not None else _ordered(op, fold(actual), fold(expected))


def _is_equal(actual: Any, expected: Any) -> bool:
    left, right = number(actual), number(expected)
    if left is not None and right is not None:
        return left == right
    return fold(actual) == fold(expected)


def _ordered(op: Operator, left: Any, right: Any) -> bool:
    if op == "gt":
        return bool(left > right)
    if op == "gte":
        return bool(left >= right)
    if op == "lt":
        return bool(left < right)
    return bool(left <= right)
