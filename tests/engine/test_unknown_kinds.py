"""A saved step whose kind is gone shows as unknown and pauses its journeys; it is neither dropped nor fatal."""

from __future__ import annotations

from typing import Any

import pytest

import triggers
from tests.build import draft_chain, live_chain, make_contact
from triggers.core.kinds import View
from triggers.core.values import Go, Outcome, Reason
from triggers.core.words import say
from triggers.engine.journeys import resume_journeys
from triggers.engine.problems import find_problems
from triggers.engine.versions import forget_graphs
from triggers.models import Journey
from triggers.steps import Step, steps
from triggers.testing import run_due

pytestmark = pytest.mark.django_db


class Stamp(Step):
    key = "stamp"
    label = "Stamp"

    def decide(self, config: Any, view: View) -> Outcome:
        return Go(Reason("stamped"))


def test_its_journeys_wait_for_a_person_and_go_on_when_it_is_back() -> None:
    with steps.registered(Stamp):
        live_chain([("stamp", "stamp", {}), ("bye", "exit", {})])
    forget_graphs()
    triggers.capture("add_to_cart", contact=make_contact())
    run_due()
    journey = Journey.objects.get()
    last = journey.transitions.last()
    assert journey.status == "paused"
    assert journey.active_slot == 1
    assert last
    assert say(last.reason, last.data) == "Waits for a person: unknown step kind 'stamp'"
    forget_graphs()
    with steps.registered(Stamp):
        assert resume_journeys([journey.pk]) == 1
        run_due()
    forget_graphs()
    journey.refresh_from_db()
    assert journey.status == "exited"


def test_a_draft_with_it_keeps_it_and_cannot_be_published() -> None:
    chain = draft_chain([("stamp", "stamp", {"ink": "blue"})])
    assert [str(one) for one in find_problems(chain)] == ["Step stamp: step kind “stamp” is not installed"]
    assert chain.steps.get().config == {"ink": "blue"}


def test_a_goal_still_ends_a_paused_journey() -> None:
    with steps.registered(Stamp):
        live_chain([("stamp", "stamp", {})], goals=["purchase"])
    forget_graphs()
    contact = make_contact()
    triggers.capture("add_to_cart", contact=contact)
    run_due()
    triggers.capture("purchase", contact=contact)
    run_due()
    assert Journey.objects.get().status == "exited"
