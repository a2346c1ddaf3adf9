"""What is learned from events, and that learning again comes to the same."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.build import make_contact
from triggers.engine.audience import contacts_in
from triggers.engine.audience.learn import learn
from triggers.engine.shards import read_clock
from triggers.models import Contact, Event, Trait

pytestmark = pytest.mark.django_db


def happens(contact: Contact, name: str, days_ago: float = 1, **data: Any) -> None:
    at = read_clock() - timedelta(days=days_ago)
    Event.objects.create(contact=contact, name=name, occurred_at=at, recorded_at=at, data=data)


def orders(contact: Contact, *, times: int, value: float, days_ago: float) -> None:
    for _time in range(times):
        happens(
            contact, "purchase", days_ago, value=value, items=[{"item_category": "Lamps", "price": value}]
        )


def traits() -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for contact, kind, value in Trait.objects.filter(rank=1).values_list("contact", "kind", "value"):
        found.setdefault(contact, {})[kind] = value
    return found


def test_favourites_and_classes() -> None:
    people = [make_contact(number) for number in range(5)]
    for number, contact in enumerate(people):
        orders(contact, times=number + 1, value=100 * (number + 1), days_ago=300 - 60 * number)
    looks = make_contact(9)
    happens(looks, "view_item", items=[{"item_category": "Desks", "item_brand": "Acme"}] * 2)
    assert learn() == 6
    found = traits()
    assert found[looks.pk] == {"category": "Desks", "brand": "Acme"}
    assert [found[one.pk]["rfm"] for one in people] == ["lost", "lost", "loyal", "champions", "champions"]
    assert found[people[0].pk]["price_band"] == "low"
    assert found[people[4].pk]["price_band"] == "high"
    rule = {
        "kind": "any",
        "of": [
            {"kind": "rfm_class", "rfm": "loyal"},
            {"kind": "preference", "liked": "brand", "value": "Acme"},
        ],
    }
    assert set(contacts_in(rule)) == {people[2], looks}


def test_learning_again_comes_to_the_same_and_forgets_what_is_over() -> None:
    contact = make_contact()
    orders(contact, times=2, value=10, days_ago=5)
    learn()
    before = traits()
    learn()
    assert traits() == before
    Event.objects.all().delete()
    assert learn() == 0
    assert not Trait.objects.exists()


def test_old_events_count_no_more() -> None:
    orders(make_contact(), times=1, value=10, days_ago=370)
    assert learn() == 0


def test_the_number_of_statements_does_not_grow_with_the_contacts() -> None:
    def statements() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            learn()
        return len(queries)

    orders(make_contact(1), times=1, value=10, days_ago=5)
    one = statements()
    for number in range(2, 30):
        orders(make_contact(number), times=2, value=10, days_ago=5)
    assert statements() == one
