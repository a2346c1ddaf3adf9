"""The words of comparison, shared by the conditions that compare."""

from __future__ import annotations

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

OPERATOR_CHOICES: tuple[tuple[str, Any], ...] = tuple((op, _(word)) for op, word in OPERATORS.items())


def operator_word(op: Operator) -> dict[str, str]:
    """The operator as a value inside a reason."""
    return {"text": OPERATORS[op]}
