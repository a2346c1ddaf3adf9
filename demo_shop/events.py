"""Goods as Google Analytics 4 writes them down: `items[]`, `value`, `currency`. The shop's events speak this way."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Protocol

from demo_shop.models import CURRENCY, Product


class Line(Protocol):
    """A line of a cart or of an order."""

    @property
    def product(self) -> Product: ...
    @property
    def quantity(self) -> int: ...
    @property
    def total(self) -> Decimal: ...


def goods(lines: Iterable[Line]) -> dict[str, Any]:
    """`items`, `value` and `currency` of an event about these lines. Products need their category loaded."""
    lines = list(lines)
    return {
        "currency": CURRENCY,
        "value": sum((line.total for line in lines), Decimal(0)),
        "items": [
            {
                "item_id": line.product.sku,
                "item_name": line.product.name,
                "item_category": line.product.category.name,
                "price": line.total / line.quantity,
                "quantity": line.quantity,
            }
            for line in lines
        ],
    }
