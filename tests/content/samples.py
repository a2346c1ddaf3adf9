"""One contact with a cart, as the senders hand it to a letter."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

ITEMS = [
    {
        "ref": f"lamp-{number}",
        "name": f"Lamp {number} <& co>",
        "price": Decimal("19.90"),
        "quantity": 2,
        "total": Decimal("39.80"),
        "url": f"https://shop.example/lamps/{number}?a=1&b=2",
        "image_url": f"https://shop.example/media/{number}.jpg" if number == 1 else "",
    }
    for number in (1, 2)
]

CONTEXT: dict[str, Any] = {
    "contact": {
        "first_name": "Anna",
        "last_name": "",
        "email": "anna@example.com",
        "phone": "",
        "language": "en",
        "attributes": {"city": "Riga"},
    },
    "shop": {
        "name": "Lamps & Co",
        "url": "https://shop.example",
        "email": "",
        "phone": "",
        "address": "",
        "logo_url": "",
    },
    "event": {"name": "add_to_cart", "data": {"value": 79.6, "tags": ["a", "b"], "day": "2026-03-08"}},
    "cart": {
        "items": ITEMS,
        "total": Decimal("79.60"),
        "currency": "EUR",
        "url": "https://shop.example/cart/restore/x",
        "count": 2,
    },
    "order": None,
    "links": {"unsubscribe": "https://shop.example/u/t", "preferences": "https://shop.example/u/t"},
}


def context(**changes: Any) -> dict[str, Any]:
    """The sample with some branches changed: `context(contact={"first_name": ""})`."""
    changed = copy.deepcopy(CONTEXT)
    for name, value in changes.items():
        changed[name] = {**changed[name], **value} if isinstance(value, dict) and changed.get(name) else value
    return changed
