"""How an event lets its contact into a chain, and under which key."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.pure import event
from triggers.core.kinds import Admission
from triggers.core.words import say
from triggers.entries import entries
from triggers.entries.event import EventEntryForm
from triggers.exceptions import InvalidConfig

ENTRY = entries.get("event")


@pytest.mark.parametrize(
    ("re_entry", "days", "expected"),
    [
        ("once", 0, Admission("")),
        ("per_object", 0, Admission("cart:7")),
        ("every_time", 0, Admission("u-1")),
        ("every_days", 7, Admission("u-1", min_gap=timedelta(days=7))),
        ("restart", 0, Admission("u-1", restarts=True)),
        ("restart", 3, Admission("u-1", min_gap=timedelta(days=3), restarts=True)),
    ],
)
def test_the_five_ways_to_enter_again(re_entry: str, days: int, expected: Admission) -> None:
    config = ENTRY.parse({"event": "add_to_cart", "re_entry": re_entry, "days": days})
    assert ENTRY.event_names(config) == ("add_to_cart",)
    assert ENTRY.admit(config, event("add_to_cart", object_ref="cart:7"), 1.0) == expected


def test_in_a_demo_the_rest_is_as_short_as_the_waits() -> None:
    config = ENTRY.parse({"event": "login", "re_entry": "every_days", "days": 10})
    admission = ENTRY.admit(config, event("login"), 0.001)
    assert admission
    assert admission.min_gap == timedelta(seconds=864)


@pytest.mark.parametrize(
    ("name", "data", "admitted"),
    [
        ("purchase", {"value": 100, "items": [{"category": "Lamps"}]}, True),
        ("purchase", {"value": 99, "items": [{"category": "Lamps"}]}, False),
        ("purchase", {"value": 100, "items": []}, False),
        ("purchase", {}, False),
        ("refund", {"value": 100, "items": [{"category": "Lamps"}]}, False),
    ],
)
def test_filters(name: str, data: dict[str, Any], admitted: bool) -> None:
    filters = [{"path": "value", "op": "gte", "value": 100}, {"path": "items.category", "value": "lamps"}]
    config = ENTRY.parse({"event": "purchase", "filters": filters})
    assert (ENTRY.admit(config, event(name, data=data), 1.0) is not None) is admitted


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        ({}, "event"),
        ({"event": ""}, "not an event name"),
        ({"event": "Add To Cart"}, "not an event name"),
        ({"event": "login\n"}, "not an event name"),
        ({"event": "x" * 65}, "not an event name"),
        ({"event": "login", "re_entry": "sometimes"}, "re_entry"),
        ({"event": "login", "re_entry": "every_days"}, "how many days"),
        ({"event": "login", "days": -1}, "days"),
        ({"event": "login", "filters": [{"path": "x", "op": "like"}]}, "op"),
        ({"event": "login", "filters": [{"op": "eq"}]}, "path"),
        ({"event": "login", "priority": 1}, "priority"),
    ],
)
def test_refused_settings_are_named(raw: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidConfig, match=named):
        ENTRY.parse(raw)


def test_the_form_gives_what_the_engine_reads() -> None:
    form = EventEntryForm(
        {
            "event": "purchase",
            "filters": "value >= 100\nitems.category = Lamps\ncoupon missing",
            "re_entry": "every_days",
            "days": 7,
        }
    )
    assert form.is_valid(), form.errors
    config = ENTRY.parse(form.as_config())
    sentence = ENTRY.describe(config)
    assert say(sentence.text, sentence.data) == (
        "When purchase [value >= 100] [items.category = Lamps] [coupon missing]"
    )


@pytest.mark.parametrize(
    ("post", "field"),
    [
        ({"event": "Bad Name"}, "event"),
        ({"event": "1 bad name"}, "event"),
        ({"event": "login", "re_entry": "every_days"}, "days"),
        ({"event": "login", "filters": "what is this"}, "filters"),
        ({"event": "login", "filters": "value = \0"}, "filters"),
        ({"event": "login", "re_entry": "never"}, "re_entry"),
    ],
)
def test_the_form_says_what_is_wrong(post: dict[str, Any], field: str) -> None:
    """Only the end of a name used to be looked at: "1 bad name" passed, because "name" is one."""
    assert field in EventEntryForm({"re_entry": "once"} | post).errors
