"""A turn takes the same number of statements for one journey and for five hundred."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.build import live_chain, make_template
from triggers.engine.turn import turn
from triggers.models import SHARDS, Contact, Event, Journey, Message, PendingEvent
from triggers.testing import database_clock

pytestmark = pytest.mark.django_db

CHAIN = [
    ("wait", "wait", {"amount": 1, "unit": "hours"}),
    (
        "ask",
        "condition",
        {
            "condition": {
                "kind": "all",
                "of": [
                    {"kind": "contact_field", "field": "language", "op": "ne", "value": "xx"},
                    {"kind": "shop_fact", "fact": "cart.total", "op": "gte", "value": 0},
                ],
            }
        },
        {"yes": [("letter", "send_email", {"template": "reminder"})]},
    ),
    ("week", "wait", {"amount": 7, "unit": "days"}),
]


def fill(count: int) -> None:
    """`count` contacts of shard 5, each with an event that starts the chain."""
    first = Contact.objects.count() * SHARDS + 1_000_005 - 1_000_000 % SHARDS
    ids = [first + (1 + number) * SHARDS for number in range(count)]
    ids = [pk - pk % SHARDS + 5 for pk in ids]
    Contact.objects.bulk_create([Contact(pk=pk) for pk in ids])
    now = timezone.now()
    events = [Event(contact_id=pk, name="add_to_cart", occurred_at=now, recorded_at=now) for pk in ids]
    Event.objects.bulk_create(events)
    pending = Event.objects.filter(contact__in=ids).values_list("pk", flat=True)
    PendingEvent.objects.bulk_create([PendingEvent(event_id=pk, shard=5) for pk in pending])


def statements_of_a_turn() -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        turn(5, seconds=0)
    return [query["sql"].split(" ", 1)[0] for query in queries]


@pytest.mark.parametrize("first_half", [True, False])
def test_the_same_for_1_50_and_500(first_half: bool, settings: Any) -> None:
    # One more than the largest batch: a full batch of events would put the due journeys off to the next transaction.
    settings.TRIGGERS = {**settings.TRIGGERS, "TURN_BATCH": 501}
    make_template()
    live_chain(CHAIN, goals=["purchase"])
    fill(1)
    turn(5)
    counts = []
    for count in (1, 50, 500):
        fill(count)
        if first_half:
            counts.append(statements_of_a_turn())
            continue
        with database_clock(timezone.now() + timedelta(minutes=1)):
            turn(5)
        with database_clock(timezone.now() + timedelta(hours=2)):
            counts.append(statements_of_a_turn())
    assert counts[0] == counts[1] == counts[2]
    assert len(counts[0]) <= 30
    if not first_half:
        assert Message.objects.count() == 552
        assert not Journey.objects.filter(due_at__lte=timezone.now()).exists()
