"""One bad event or journey is set aside with its error; its neighbours go on; a person can replay it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import triggers
from tests.build import live_chain, make_contact
from triggers.core.kinds import Admission, View
from triggers.core.values import EventValue, Go, Outcome, Reason
from triggers.engine.journeys import retry_failed_events, retry_failed_journeys
from triggers.entries import entries
from triggers.entries.event import EventEntry
from triggers.models import Contact, Journey, PendingEvent
from triggers.steps import Step, steps
from triggers.testing import run_due

pytestmark = pytest.mark.django_db

BAD = 3


class Breaks(Step):
    """Fails for one contact while `is_broken`."""

    key = "breaks"
    label = "Breaks"
    is_broken = True
    victim = 0

    def decide(self, config: Any, view: View) -> Outcome:
        if Breaks.is_broken and view.journey.contact_id == Breaks.victim:
            raise ZeroDivisionError("poison")
        return Go(Reason("fine"))


class BreakingEntry(EventEntry):
    """Fails for one contact while the step does."""

    key = "breaking_entry"

    def admit(self, config: Any, event: EventValue, wait_scale: float) -> Admission | None:
        if Breaks.is_broken and event.contact_id == Breaks.victim:
            raise ZeroDivisionError("poison")
        return super().admit(config, event, wait_scale)


@pytest.fixture
def people() -> Iterator[list[Contact]]:
    with steps.registered(Breaks), entries.registered(BreakingEntry):
        people = [make_contact(number, agrees=False, pk=number * 64) for number in range(1, 8)]
        Breaks.is_broken, Breaks.victim = True, people[BAD].pk
        yield people


def test_a_poison_journey_fails_alone_and_can_be_retried(people: list[Contact]) -> None:
    live_chain([("step", "breaks", {})])
    for contact in people:
        triggers.capture("add_to_cart", contact=contact)
    run_due()
    failed = Journey.objects.get(status="failed")
    assert failed.contact == people[BAD]
    assert "ZeroDivisionError: poison" in failed.error
    assert Journey.objects.filter(status="finished").count() == len(people) - 1
    Breaks.is_broken = False
    assert retry_failed_journeys([failed.pk]) == 1
    run_due()
    failed.refresh_from_db()
    assert failed.status == "finished"
    assert failed.error == ""


def test_a_poison_event_is_set_aside_and_can_be_replayed(people: list[Contact]) -> None:
    chain = live_chain([("step", "exit", {})])
    chain.entry_kind = "breaking_entry"
    chain.save()
    from triggers.engine.publish import publish

    publish(chain)
    for contact in people:
        triggers.capture("add_to_cart", contact=contact)
    run_due()
    poison = PendingEvent.objects.get()
    assert poison.is_set_aside
    assert poison.event.contact == people[BAD]
    assert "poison" in poison.error
    assert Journey.objects.count() == len(people) - 1
    Breaks.is_broken = False
    assert retry_failed_events([poison.pk]) == 1
    run_due()
    assert Journey.objects.count() == len(people)
    assert not PendingEvent.objects.exists()


def test_a_failed_journey_is_not_retried_while_the_contact_is_inside_anew(people: list[Contact]) -> None:
    live_chain([("step", "breaks", {}), ("wait", "wait", {"amount": 1, "unit": "days"})])
    triggers.capture("add_to_cart", contact=people[BAD])
    run_due()
    failed = Journey.objects.get(status="failed")
    Breaks.is_broken = False
    triggers.capture("add_to_cart", contact=people[BAD])
    run_due()
    assert Journey.objects.get(status="active").contact == people[BAD]
    assert retry_failed_journeys([failed.pk]) == 0
