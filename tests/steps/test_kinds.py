"""What every step kind owes the engine and the admin; a new kind is tried by being registered."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pure import FREE, view
from triggers.core.values import Fact
from triggers.core.words import say
from triggers.exceptions import InvalidConfig
from triggers.forms import FormContext
from triggers.steps import Step, steps

CONTEXT = FormContext(letters=(("hello", "Hello"),), texts=(("hi", "Hi"),))
# A form as posted, by kind: the shortest that is valid.
POSTS: dict[str, dict[str, Any]] = {
    "wait": {"amount": 3, "unit": "hours"},
    "condition": {"condition": '{"kind": "tag", "tag": "vip"}'},
    "send_email": {"template": "hello"},
    "send_sms": {"template": "hi", "expires_hours": "1.5"},
    "change_contact": {"add_tags": "vip, new "},
    "exit": {},
}
FACTS = FREE | {Fact("tags"): {"vip"}}
kinds = pytest.mark.parametrize("kind", list(steps), ids=lambda kind: kind.key)


def parsed(kind: Step) -> Any:
    form = kind.form_class(POSTS[kind.key], context=CONTEXT)
    assert form.is_valid(), form.errors
    return kind.parse(form.as_config())


@kinds
def test_what_the_form_stores_the_engine_reads(kind: Step) -> None:
    form = kind.form_class(POSTS[kind.key], context=CONTEXT)
    assert form.is_valid(), form.errors
    shown = kind.form_class(initial=kind.form_class.initial_of(form.as_config()), context=CONTEXT)
    posted = {name: shown[name].field.prepare_value(shown[name].value()) for name in shown.fields}
    again = kind.form_class(
        {name: value for name, value in posted.items() if value is not None}, context=CONTEXT
    )
    assert again.is_valid(), again.errors
    assert again.as_config() == form.as_config(), "opened and saved untouched, the step stays the same"


@kinds
def test_it_decides_from_announced_facts_only(kind: Step) -> None:
    config = parsed(kind)
    facts = {fact: FACTS[fact] for fact in kind.needs(config)}
    outcome = kind.decide(config, view(facts))
    assert outcome.reason.text
    assert "%(" not in say(outcome.reason.text, outcome.reason.data)


@kinds
def test_its_card_is_a_sentence(kind: Step) -> None:
    reason = kind.describe(parsed(kind))
    assert "%(" not in say(reason.text, reason.data)
    assert str(kind.label)
    assert len(kind.icon) <= 2


@kinds
@pytest.mark.parametrize(
    "raw", [{"no such setting": 1}, {"template": 5}, {"amount": []}, {"condition": None}, {"why": {}}]
)
def test_settings_it_does_not_know_are_refused(kind: Step, raw: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfig):
        kind.parse(raw)


def test_a_step_knows_which_templates_exist() -> None:
    letter = steps.get("send_email")
    config = letter.parse({"template": "hi"})
    assert list(letter.problems(config, set(), {"hi": "email"})) == []
    for templates in ({}, {"hi": "sms"}):
        assert list(letter.problems(config, set(), templates)) == [
            "there is no template “hi” for this channel"
        ]
