"""What a contact likes, from what it looked at and bought: a score for each category, brand and price band."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from triggers.core.payload import number, values_at

# What an item counts in each event: an order says more than ten looks.
WEIGHTS = {"purchase": 10.0, "add_to_cart": 3.0, "add_to_wishlist": 3.0, "view_item": 1.0}
# After so many days an event counts half, and after LOOK_BACK nothing at all.
HALF_LIFE_DAYS = 90.0
LOOK_BACK = timedelta(days=365)
# Names of Google Analytics 4.
FIELDS = {"category": "item_category", "brand": "item_brand"}
BANDS = ("low", "middle", "high")
# Values kept of each kind, and the characters of one.
MOST_VALUES = 5
MOST_CHARS = 100

Seen = tuple[str, datetime, Mapping[str, Any]]
Scores = dict[str, list[tuple[str, float]]]


def price_borders(prices: Iterable[float]) -> tuple[float, ...]:
    """Where the middle and the high band begin: thirds of the prices that the shop's contacts see."""
    ordered = sorted(prices)
    if not ordered:
        return ()
    return ordered[len(ordered) // 3], ordered[len(ordered) * 2 // 3]


def likings(events: Iterable[Seen], borders: Sequence[float], now: datetime) -> Scores:
    """`{kind: [(value, score), …]}`, the best first, from events as `(name, occurred_at, data)`.

    Events of names without a weight count nothing.
    """
    scores: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for name, at, data in events:
        weight = WEIGHTS.get(name, 0.0) * 0.5 ** (
            max(0.0, (now - at).total_seconds()) / 86_400 / HALF_LIFE_DAYS
        )
        for kind, value in _liked(data, borders):
            scores[kind][value] += weight
    return {kind: _best(found) for kind, found in scores.items()}


def prices_in(data: Mapping[str, Any]) -> list[float]:
    """Prices of an event's items, of one piece each."""
    found = (number(one) for one in values_at(("items", "price"), data))
    return [float(one) for one in found if one is not None and one > 0]


def _liked(data: Mapping[str, Any], borders: Sequence[float]) -> Iterable[tuple[str, str]]:
    for kind, field in FIELDS.items():
        for value in values_at(("items", field), data):
            if isinstance(value, str) and value.strip():
                yield kind, value.strip()[:MOST_CHARS]
    if borders:
        for price in prices_in(data):
            yield "price_band", BANDS[bisect_right(borders, price)]


def _best(found: Mapping[str, float]) -> list[tuple[str, float]]:
    """Equal scores in the order of the alphabet, so that a second run finds the same."""
    return sorted(found.items(), key=lambda one: (-one[1], one[0]))[:MOST_VALUES]
