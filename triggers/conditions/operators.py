"""The words of comparison, shared by the conditions that compare."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.core.payload import Operator

OPERATORS: dict[Operator, str] = {
    "eq": gettext_noop("is"),
    "ne": gettext_noop("is not"),
    "gt": gettext_noop("is more than"),
    "gte": gettext_noop("is at least"),
    "lt": gettext_noop("is less than"),
    "lte": gettext_noop("is at most"),
    "contains": gettext_noop("contains"),
    "in": gettext_noop("is one of"),
    "exists": gettext_noop("is known"),
    "missing": gettext_noop("is not known"),
}

# Operators that ask about a value's presence only.
NEEDS_NO_VALUE = ("exists", "missing")

ORDERING = ("gt", "gte", "lt", "lte")

OPERATOR_CHOICES: tuple[tuple[str, Any], ...] = tuple((op, _(word)) for op, word in OPERATORS.items())


def operator_word(op: Operator) -> dict[str, str]:
    """The operator as a value inside a reason."""
    return {"text": OPERATORS[op]}


def require_value(op: Operator, value: Any) -> None:
    """Raises ValueError for a comparison that could never come true: with nothing, or by size with what has none."""
    if op in NEEDS_NO_VALUE:
        return
    if value is None or value == "":
        raise ValueError("there is nothing to compare with")
    if op in ORDERING and not _has_size(str(value)):
        raise ValueError(f"a number or a date (2026-12-31) is needed to compare with, not {value!r}")


def _has_size(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        pass
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
