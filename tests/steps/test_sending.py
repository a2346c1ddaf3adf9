"""The two sending steps: one effect, one template, one moment at which it is worthless."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pure import FREE, view
from triggers.core.values import Go, QueueMessage, Reason
from triggers.exceptions import InvalidConfig
from triggers.forms import FormContext
from triggers.steps import steps


@pytest.mark.parametrize(
    ("kind", "config", "effect"),
    [
        ("send_email", {"template": "hello"}, QueueMessage("email", "hello")),
        ("send_sms", {"template": "hi"}, QueueMessage("sms", "hi")),
        ("send_email", {"template": "hello", "expires_hours": 1.5}, QueueMessage("email", "hello", 5400)),
        ("send_sms", {"template": "hi", "expires_hours": 24}, QueueMessage("sms", "hi", 86_400)),
    ],
)
def test_effects(kind: str, config: dict[str, Any], effect: QueueMessage) -> None:
    step = steps.get(kind)
    outcome = step.decide(step.parse(config), view(FREE))
    assert isinstance(outcome, Go)
    assert outcome.effect == effect
    assert outcome.reason.data == {"template": config["template"]}


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        ({}, "template"),
        ({"template": None}, "template"),
        ({"template": "x", "expires_hours": 0}, "expires_hours"),
        ({"template": "x", "expires_hours": -1}, "expires_hours"),
        ({"template": "x", "expires_hours": 9000}, "expires_hours"),
        ({"template": "x", "bcc": "a@example.com"}, "bcc"),
    ],
)
def test_refused_settings_are_named(raw: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidConfig, match=named):
        steps.get("send_email").parse(raw)


def test_the_form_offers_templates_of_its_channel_only() -> None:
    context = FormContext(letters=(("hello", "Hello"),), texts=(("hi", "Hi"),))
    assert steps.get("send_sms").form_class({"template": "hi"}, context=context).is_valid()
    assert not steps.get("send_sms").form_class({"template": "hello"}, context=context).is_valid()
    assert not steps.get("send_email").form_class({"template": "hi"}, context=context).is_valid()


def test_the_card() -> None:
    letter = steps.get("send_email")
    assert letter.describe(letter.parse({"template": "hello"})) == Reason(
        "Letter: %(template)s", {"template": "hello"}
    )
