"""Publishing freezes a draft that can run and refuses one that cannot, step by step."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

import triggers
from tests.build import draft_chain, live_chain, make_contact, make_template
from triggers.engine.problems import find_problems
from triggers.engine.publish import pause_chain, publish, resume_chain, sha256_of
from triggers.exceptions import InvalidChain, TriggersError
from triggers.models import Chain, ChainVersion, Journey, Step
from triggers.testing import run_due

pytestmark = pytest.mark.django_db

WAIT = ("wait", "wait", {"amount": 1, "unit": "hours"})
ASKS_NOBODY = {"condition": {"kind": "message_reaction", "step": "wait", "reaction": "opened"}}
HAS_TAG = {"condition": {"kind": "tag", "tag": "x"}}


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ([], "The chain has no steps."),
        ([("letter", "send_email", {})], "Step letter: Object missing required field `template`"),
        ([("letter", "send_email", {"template": "gone"})], "there is no template “gone” for this channel"),
        (
            [("text", "send_sms", {"template": "reminder"})],
            "there is no template “reminder” for this channel",
        ),
        ([("ask", "condition", HAS_TAG, {})], "Step ask: all its branches are empty"),
        (
            [("ask", "condition", {}, {"yes": [WAIT]})],
            "Step ask: a condition step needs exactly one condition",
        ),
        (
            [("ask", "condition", {"condition": {"kind": "moon"}}, {"yes": [WAIT]})],
            "Step ask: condition kind “moon” is not installed",
        ),
        ([WAIT, ("ask", "condition", ASKS_NOBODY, {"yes": [("bye", "exit", {})]})], "which sends none"),
        ([("wait", "wait", {"amount": 0})], "Step wait: a wait needs a length or a time of day"),
        ([("wait", "wait", {"amount": 1, "unit": "aeons"})], "Step wait: Invalid enum value 'aeons'"),
        ([("fly", "teleport", {})], "Step fly: step kind “teleport” is not installed"),
        (
            [WAIT, ("lost", "exit", {}, {}), ("x", "wait", {"amount": 1}, {"yes": [("y", "exit", {})]})],
            "Step y: it stands",
        ),
    ],
)
def test_a_chain_that_cannot_run_is_refused_and_says_why(steps: Any, problem: str) -> None:
    make_template()
    chain = draft_chain(steps)
    with pytest.raises(InvalidChain) as refused:
        publish(chain)
    assert problem in str(refused.value)
    chain.refresh_from_db()
    assert chain.status == "draft"
    assert not chain.versions.exists()


@pytest.mark.parametrize(
    ("kind", "config", "problem"),
    [
        ("", {}, "The chain has no trigger"),
        ("event", {}, "The trigger is not complete"),
        ("event", {"event": "not a name"}, "is not an event name"),
        ("event", {"event": "login", "re_entry": "every_days"}, "at most once in how many days?"),
    ],
)
def test_a_chain_without_a_proper_trigger_is_refused(kind: str, config: dict[str, Any], problem: str) -> None:
    chain = draft_chain([WAIT])
    Chain.objects.update(entry_kind=kind, entry_config=config)
    chain.refresh_from_db()
    assert problem in " ".join(str(one) for one in find_problems(chain))


def test_a_version_is_frozen_and_known_by_its_digest() -> None:
    chain = live_chain(
        [WAIT, ("ask", "condition", HAS_TAG, {"yes": [("a", "exit", {})], "no": [("b", "exit", {})]})]
    )
    version = ChainVersion.objects.get()
    assert (version.number, version.sha256) == (1, sha256_of(version.definition))
    assert [one["key"] for one in version.definition["steps"][1]["branches"]["no"]] == ["b"]
    with pytest.raises(TriggersError):
        version.save()
    assert publish(chain) == version
    Step.objects.filter(key="wait").update(config={"amount": 2, "unit": "hours"})
    assert publish(chain).number == 2


def test_who_is_inside_stays_on_the_version_they_entered() -> None:
    chain = live_chain([WAIT, ("bye", "exit", {})])
    contact = make_contact()
    triggers.capture("add_to_cart", contact=contact)
    run_due()
    due = Journey.objects.get().due_at
    chain.steps.filter(key="wait").update(config={"amount": 1, "unit": "minutes"})
    publish(chain)
    run_due()
    journey = Journey.objects.get()
    assert (journey.version.number, journey.due_at) == (1, due)


def test_a_paused_chain_lets_nobody_in_and_does_not_look_back() -> None:
    chain = live_chain([WAIT])
    pause_chain(chain)
    triggers.capture("add_to_cart", contact=make_contact(1))
    run_due()
    resume_chain(chain)
    resume_chain(chain)
    run_due()
    assert not Journey.objects.exists()
    triggers.capture("add_to_cart", contact=make_contact(2))
    run_due()
    assert Journey.objects.count() == 1
    chain.refresh_from_db()
    assert chain.activated_at
    assert chain.activated_at <= timezone.now()
