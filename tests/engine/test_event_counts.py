"""How often did it happen: since the journey began or in a window, with filters, about the same object or any."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.utils import timezone

from tests.build import live_chain, make_contact
from triggers.core.payload import PayloadFilter
from triggers.core.values import Fact, JourneyState
from triggers.engine.facts import load_facts
from triggers.models import Event, Journey

pytestmark = pytest.mark.django_db

NOW = timezone.now()
DEAR = (PayloadFilter("items.price", "gte", 100),)


@pytest.fixture
def journey() -> JourneyState:
    """A journey about cart:1 that an event began an hour ago; another contact's journey stands beside it."""
    chain = live_chain([("wait", "wait", {"amount": 1, "unit": "hours"})])
    assert chain.live_version is not None
    states = []
    for number in (1, 2):
        contact = make_contact(number)
        first = record(contact, minutes=60)
        row = Journey.objects.create(
            shard=contact.shard,
            chain=chain,
            version=chain.live_version,
            contact=contact,
            step="wait",
            since=first.recorded_at,
            entered_at=first.recorded_at,
            entry_event_id=first.pk,
            object_ref="cart:1",
        )
        states.append(
            JourneyState(
                *(row.pk, contact.pk, "wait", row.since, 0, row.entered_at),
                object_ref="cart:1",
                entry_event_id=first.pk,
            )
        )
    record(make_contact(3), minutes=5)
    return states[0]


def record(
    contact: Any, *, minutes: float, name: str = "add_to_cart", price: int = 50, ref: str = "cart:1"
) -> Event:
    moment = NOW - timedelta(minutes=minutes)
    return Event.objects.create(
        contact=contact,
        name=name,
        occurred_at=moment,
        recorded_at=moment,
        data={"items": [{"price": price}, {"price": 1}]},
        object_ref=ref,
    )


def count(journey: JourneyState, *args: Any) -> int:
    fact = Fact("event_count", args)
    found: int = load_facts([(journey, [fact])], NOW)[journey.id][fact]
    return found


def test_the_event_that_began_the_journey_does_not_count_since_then(journey: JourneyState) -> None:
    assert count(journey, "add_to_cart", None, (), False) == 0
    assert count(journey, "add_to_cart", 1, (), False) == 1


def test_since_the_journey_began_or_in_days(journey: JourneyState) -> None:
    contact = Journey.objects.get(pk=journey.id).contact
    record(contact, minutes=30)
    record(contact, minutes=90)
    record(contact, minutes=3 * 1440)
    record(contact, minutes=30, name="purchase")
    assert count(journey, "add_to_cart", None, (), False) == 1
    assert count(journey, "add_to_cart", 2, (), False) == 3
    assert count(journey, "add_to_cart", 7, (), False) == 4
    assert count(journey, "refund", 7, (), False) == 0


def test_filters_and_the_same_object(journey: JourneyState) -> None:
    contact = Journey.objects.get(pk=journey.id).contact
    record(contact, minutes=30, price=120)
    record(contact, minutes=20, price=120, ref="cart:2")
    record(contact, minutes=10, price=20)
    assert count(journey, "add_to_cart", None, (), False) == 3
    assert count(journey, "add_to_cart", None, (), True) == 2
    assert count(journey, "add_to_cart", None, DEAR, False) == 2
    assert count(journey, "add_to_cart", None, DEAR, True) == 1
    assert count(journey, "add_to_cart", 1, DEAR, True) == 1


def test_a_journey_without_a_first_event_counts_all(journey: JourneyState) -> None:
    without = msgspec.structs.replace(journey, entry_event_id=None)
    assert count(without, "add_to_cart", None, (), False) == 1
