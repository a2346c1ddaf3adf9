"""The form field of a condition tree: what it accepts is what the engine accepts, and nothing makes it fall over."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from triggers.conditions import bind
from triggers.conditions.fields import ConditionField
from triggers.forms import FormContext

VIP = {"kind": "tag", "tag": "vip"}


@pytest.fixture
def field() -> ConditionField:
    field = ConditionField()
    field.use_context(
        FormContext(shop_facts=(("cart.total", "Total"),), message_steps=(("letter", "Letter"),))
    )
    return field


@pytest.mark.parametrize(
    ("posted", "stored"),
    [
        (VIP, VIP),
        ({"kind": "none", "of": [VIP, {"kind": "any", "of": [VIP]}]}, None),
        (
            {"kind": "event_happened", "event": "purchase", "at_least": 1, "filters": "value > 5"},
            {
                "kind": "event_happened",
                "event": "purchase",
                "at_least": 1,
                "filters": [{"path": "value", "op": "gt", "value": "5"}],
                "same_object": False,
            },
        ),
    ],
)
def test_accepted(field: ConditionField, posted: Any, stored: Any) -> None:
    cleaned = field.clean(json.dumps(posted))
    assert cleaned == (stored or posted)
    bind(cleaned)
    assert field.clean(field.prepare_value(cleaned)) == cleaned, (
        "opened and saved untouched, it stays the same"
    )


def deep(levels: int) -> str:
    return '{"kind": "all", "of": [' * levels + json.dumps(VIP) + "]}" * levels


@pytest.mark.parametrize(
    "text",
    [
        *("", "null", "5", "[]", "{}", "NaN", "{", '"tag"', "9" * 5000),
        *('{"kind": null}', '{"kind": []}', '{"kind": {}}', '{"kind": "moon_phase"}'),
        *(
            '{"kind": "all"}',
            '{"kind": "all", "of": null}',
            '{"kind": "all", "of": 5}',
            '{"kind": "all", "of": "ab"}',
        ),
        *('{"kind": "all", "of": []}', '{"kind": "all", "of": [5]}'),
        *('{"kind": "tag"}', '{"kind": "tag", "tag": "a\\u0000b"}', '{"kind": "tag", "tag": "\\ud800"}'),
        *('{"kind": "event_happened", "event": "x", "at_least": 1e400}',),
        *('{"kind": "event_happened", "event": "x", "at_least": 1, "filters": [{}]}',),
        *('{"kind": "event_happened", "event": "x", "at_least": 1, "filters": [{"path": "a", "op": []}]}',),
        *('{"kind": "event_happened", "event": "x", "at_least": 1, "filters": "value = \\u0000"}',),
        *(
            '{"kind": "shop_fact", "fact": "cart.secret", "op": "eq"}',
            '{"kind": "message_reaction", "step": "x"}',
        ),
        *(deep(9), deep(5000)),
    ],
    ids=lambda text: text[:60],
)
def test_refused(field: ConditionField, text: str) -> None:
    with pytest.raises(ValidationError):
        field.clean(text)
