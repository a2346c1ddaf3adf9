"""The step that changes the contact: only what a chain may change, only what the columns hold."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pure import view
from triggers.core.values import ChangeContact, Go
from triggers.core.words import say
from triggers.exceptions import InvalidConfig
from triggers.steps import steps
from triggers.steps.change_contact import ChangeContactForm

CHANGE = steps.get("change_contact")


def test_the_effect() -> None:
    config = CHANGE.parse(
        {
            "fields": {"language": "de"},
            "attributes": {"size": "XL"},
            "add_tags": ["vip"],
            "remove_tags": ["new"],
        }
    )
    outcome = CHANGE.decide(config, view())
    assert isinstance(outcome, Go)
    assert outcome.effect == ChangeContact({"language": "de"}, {"size": "XL"}, ("vip",), ("new",))
    expected = "Contact changed: +vip, −new, language = de, size = XL"
    assert say(outcome.reason.text, outcome.reason.data) == expected


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        ({}, "nothing to change"),
        ({"fields": {}, "add_tags": []}, "nothing to change"),
        ({"fields": {"email": "evil@example.com"}}, "email"),
        ({"fields": {"external_id": "1"}}, "external_id"),
        ({"fields": {"language": "x" * 11}}, "language"),
        ({"fields": {"language": None}}, "fields"),
        ({"add_tags": ["x" * 65]}, "add_tags"),
        ({"remove_tags": [""]}, "remove_tags"),
        ({"add_tags": "vip"}, "add_tags"),
        ({"attributes": {"size": ["XL"]}}, "attributes"),
    ],
)
def test_refused_settings_are_named(raw: dict[str, Any], named: str) -> None:
    """A tag or a language longer than its column would have made every journey fail when it came here."""
    with pytest.raises(InvalidConfig, match=named):
        CHANGE.parse(raw)


def test_the_form() -> None:
    form = ChangeContactForm(
        {
            "add_tags": "vip, , new ",
            "attributes": "size = XL\n\nnote=a = b",
            "language": "de",
            "remove_tags": "",
        }
    )
    assert form.is_valid(), form.errors
    config = form.as_config()
    assert config == {
        "add_tags": ["vip", "new"],
        "attributes": {"size": "XL", "note": "a = b"},
        "fields": {"language": "de"},
    }
    CHANGE.parse(config)
    assert ChangeContactForm.initial_of(config)["language"] == "de"


@pytest.mark.parametrize(
    ("post", "field"),
    [
        ({}, "__all__"),
        ({"attributes": "size XL"}, "attributes"),
        ({"attributes": "1x = 2"}, "attributes"),
        ({"add_tags": "x" * 65}, "add_tags"),
        ({"add_tags": "a\0b"}, "add_tags"),
        ({"add_tags": "a," * 300}, "add_tags"),
        ({"attributes": "size = \0"}, "attributes"),
        ({"language": "x" * 11}, "language"),
    ],
)
def test_the_form_says_what_is_wrong(post: dict[str, Any], field: str) -> None:
    assert field in ChangeContactForm(post).errors
