"""How often something happened."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pure import view
from triggers.conditions import bind
from triggers.core.payload import PayloadFilter
from triggers.core.values import Fact
from triggers.core.words import say
from triggers.exceptions import InvalidConfig

PURCHASE = {"kind": "event_happened", "event": "purchase"}


@pytest.mark.parametrize(
    ("settings", "count", "holds"),
    [
        ({}, 0, False),
        ({}, 1, True),
        ({}, None, False),
        ({"at_least": 3}, 2, False),
        ({"at_least": 3}, 3, True),
        ({"at_least": 0, "at_most": 0}, 0, True),
        ({"at_least": 0, "at_most": 0}, 1, False),
        ({"at_least": 2, "at_most": 3}, 3, True),
        ({"at_least": 2, "at_most": 3}, 4, False),
    ],
)
def test_counts(settings: dict[str, Any], count: int | None, holds: bool) -> None:
    bound = bind(PURCHASE | settings)
    (fact,) = bound.needs()
    assert bound.evaluate(view({fact: count})).holds is holds


def test_what_is_counted_is_one_fact() -> None:
    filters = [{"path": "value", "op": "gt", "value": 5}]
    bound = bind(PURCHASE | {"days": 30, "filters": filters, "same_object": True})
    args = ("purchase", 30, (PayloadFilter("value", "gt", 5),), True)
    assert list(bound.needs()) == [Fact("event_count", args)]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "purchase at least 1 times since entering"),
        ({"days": 7}, "purchase at least 1 times in the last 7 days"),
        ({"at_least": 0, "at_most": 0}, "no purchase since entering"),
        ({"at_least": 0, "at_most": 0, "days": 7}, "no purchase in the last 7 days"),
        ({"at_least": 2, "at_most": 3}, "purchase 2 to 3 times since entering"),
        (
            {"at_most": 3, "days": 7, "filters": [{"path": "value", "op": "gt", "value": 5}]},
            "purchase [value > 5] 1 to 3 times in the last 7 days",
        ),
    ],
)
def test_sentences(settings: dict[str, Any], sentence: str) -> None:
    reason = bind(PURCHASE | settings).describe()
    assert say(reason.text, reason.data) == sentence


@pytest.mark.parametrize(
    "settings", [{"at_least": -1}, {"days": 0}, {"days": 4000}, {"at_most": "1"}, {"event": None}]
)
def test_refused_settings(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfig, match=next(iter(settings))):
        bind(PURCHASE | settings)
