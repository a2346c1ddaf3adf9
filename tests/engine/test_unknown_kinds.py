"""A saved kind that this process does not know is left to those who may know it; it is neither dropped nor fatal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

import triggers
from tests.build import draft_chain, live_chain, make_contact
from triggers.core.kinds import View
from triggers.core.values import Go, Outcome, Reason
from triggers.core.words import say
from triggers.engine.journeys import resume_journeys
from triggers.engine.problems import find_problems
from triggers.engine.publish import publish
from triggers.engine.versions import forget_graphs
from triggers.entries import entries
from triggers.entries.event import EventEntry
from triggers.models import Chain, ChainVersion, Journey, PendingEvent
from triggers.steps import Step, steps
from triggers.testing import database_clock, run_due

pytestmark = pytest.mark.django_db
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Stamp(Step):
    key = "stamp"
    label = "Stamp"

    def decide(self, config: Any, view: View) -> Outcome:
        return Go(Reason("stamped"))


class Doorbell(EventEntry):
    key = "doorbell"


@contextmanager
def newer_process() -> Iterator[None]:
    """Within it, this process is one of a release that has both kinds."""
    forget_graphs()
    with steps.registered(Stamp), entries.registered(Doorbell):
        yield
    forget_graphs()


def stamping_chain(**options: Any) -> Chain:
    with newer_process():
        return live_chain([("stamp", "stamp", {}), ("bye", "exit", {})], **options)


def ringing_chain(**options: Any) -> Chain:
    """One whose entry only the newer process knows."""
    with newer_process():
        chain = draft_chain([("bye", "exit", {})], **options)
        Chain.objects.filter(pk=chain.pk).update(entry_kind="doorbell")
        chain.refresh_from_db()
        publish(chain)
    return chain


def last_words(journey: Journey) -> str:
    last = journey.transitions.last()
    assert last
    return say(last.reason, last.data)


def test_its_journeys_are_left_to_a_worker_that_knows_it() -> None:
    stamping_chain()
    triggers.capture("add_to_cart", contact=make_contact())
    run_due()
    journey = Journey.objects.get()
    assert journey.status == "active"
    assert last_words(journey).startswith("Left to another worker until ")
    assert last_words(journey).endswith(": unknown step kind 'stamp'")
    assert run_due() == 0
    assert journey.due_at
    with newer_process(), database_clock(journey.due_at):
        run_due()
    journey.refresh_from_db()
    assert journey.status == "exited"


def test_after_a_day_it_waits_for_a_person() -> None:
    stamping_chain()
    triggers.capture("add_to_cart", contact=make_contact())
    with database_clock(timezone.now() + DAY):
        run_due()
    journey = Journey.objects.get()
    assert (journey.status, journey.active_slot) == ("paused", 1)
    assert last_words(journey) == "Waits for a person: unknown step kind 'stamp'"


def test_whoever_is_let_go_by_a_person_waits_another_day() -> None:
    stamping_chain()
    triggers.capture("add_to_cart", contact=make_contact())
    with database_clock(timezone.now() + 2 * DAY):
        run_due()
    journey = Journey.objects.get()
    assert journey.status == "paused"
    assert resume_journeys([journey.pk]) == 1
    run_due()
    journey.refresh_from_db()
    assert journey.status == "active"
    with newer_process(), database_clock(timezone.now() + HOUR):
        run_due()
    journey.refresh_from_db()
    assert journey.status == "exited"


def test_a_draft_with_it_keeps_it_and_cannot_be_published() -> None:
    chain = draft_chain([("stamp", "stamp", {"ink": "blue"})])
    assert [str(one) for one in find_problems(chain)] == ["Step stamp: step kind “stamp” is not installed"]
    assert chain.steps.get().config == {"ink": "blue"}


def test_a_goal_still_ends_a_journey_that_is_left_to_others() -> None:
    stamping_chain(goals=["purchase"])
    contact = make_contact()
    triggers.capture("add_to_cart", contact=contact)
    run_due()
    triggers.capture("purchase", contact=contact)
    run_due()
    assert Journey.objects.get().status == "exited"


def test_events_wait_for_a_worker_that_knows_the_entry_of_a_chain_just_published() -> None:
    """They used to be matched without it: whoever should have entered never did."""
    ringing_chain()
    triggers.capture("add_to_cart", contact=make_contact())
    assert run_due() == 0
    assert PendingEvent.objects.exists()
    with newer_process():
        run_due()
    assert Journey.objects.get().status == "exited"
    assert not PendingEvent.objects.exists()


def test_a_journey_does_not_overtake_an_event_that_is_left_to_others() -> None:
    """It might be the order that ends it. Other contacts' journeys go on."""
    live_chain([("wait", "wait", {"amount": 1, "unit": "minutes"})], key="known", event="view_item")
    for number in (1, 2):
        triggers.capture("view_item", contact=make_contact(number))
    run_due()
    first, second = Journey.objects.order_by("pk")
    ringing_chain()
    triggers.capture("add_to_cart", contact=first.contact)
    with database_clock(timezone.now() + 2 * MINUTE):
        run_due()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status) == ("active", "finished")


def test_when_the_deployment_is_over_nobody_waits_for_an_entry_that_is_gone() -> None:
    chain = ringing_chain()
    live_chain([("bye", "exit", {})], key="known")
    ChainVersion.objects.filter(chain=chain).update(published_at=timezone.now() - HOUR)
    triggers.capture("add_to_cart", contact=make_contact())
    run_due()
    assert list(Journey.objects.values_list("chain__key", "status")) == [("known", "exited")]
