"""What a contact likes: orders weigh more than looks, lately more than long ago, and bad data nothing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.pure import NOW
from triggers.core.liking import MOST_CHARS, MOST_VALUES, likings, price_borders


def seen(name: str, days_ago: float = 0, **item: Any) -> tuple[str, datetime, dict[str, Any]]:
    return name, NOW - timedelta(days=days_ago), {"items": [item]}


def test_one_order_says_more_than_nine_looks() -> None:
    events = [seen("view_item", item_category="Desks")] * 9 + [seen("purchase", item_category="Lamps")]
    assert likings(events, (), NOW)["category"] == [("Lamps", 10.0), ("Desks", 9.0)]


def test_after_ninety_days_it_counts_half() -> None:
    found = likings([seen("view_item", 90, item_brand="Acme")], (), NOW)
    assert found["brand"][0][1] == pytest.approx(0.5)


def test_price_bands_are_thirds_of_what_is_seen() -> None:
    borders = price_borders([10, 20, 30, 40, 50, 60])
    assert borders == (30, 50)
    events = [seen("view_item", price=price) for price in (10, 30, "49.90", 60, 61)]
    assert likings(events, borders, NOW)["price_band"] == [("high", 2.0), ("middle", 2.0), ("low", 1.0)]


def test_only_the_best_are_kept_and_equals_go_by_the_alphabet() -> None:
    events = [seen("view_item", item_category=f"c{number}") for number in range(MOST_VALUES + 3)]
    assert [value for value, _score in likings(events, (), NOW)["category"]] == ["c0", "c1", "c2", "c3", "c4"]


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"items": None},
        {"items": "x"},
        {"items": [1, None, [], {}]},
        {"items": [{"item_category": {"a": 1}, "price": "x"}]},
    ],
)
def test_what_is_no_item_counts_nothing(data: dict[str, Any]) -> None:
    assert likings([("purchase", NOW, data)], (1.0, 2.0), NOW) == {}


def test_values_are_cut_and_unknown_events_weigh_nothing() -> None:
    found = likings([seen("purchase", item_category="x" * 500)], (), NOW)
    assert found["category"][0][0] == "x" * MOST_CHARS
    assert likings([seen("page_view", item_category="Lamps")], (), NOW)["category"] == [("Lamps", 0.0)]
