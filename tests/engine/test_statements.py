"""A turn takes the same number of statements for one journey and for five hundred."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.build import live_chain, make_rule, make_template
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
@pytest.mark.parametrize("has_rules", [True, False])
def test_the_same_for_1_50_and_500(first_half: bool, has_rules: bool, settings: Any) -> None:
    # One more than the largest batch: a full batch of events would put the due journeys off to the next transaction.
    settings.TRIGGERS = {**settings.TRIGGERS, "TURN_BATCH": 501}
    make_template()
    if has_rules:
        make_rule((1, 24), (3, 168), quiet="22:00-08:00")
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
    assert len(counts[0]) <= 32
    if not first_half:
        assert Message.objects.count() == 552
        assert not Journey.objects.filter(due_at__lte=timezone.now()).exists()


def test_the_same_however_many_messages_give_way(settings: Any) -> None:
    """Every contact's letter waits for the morning when a more important chain wants its place."""
    settings.TRIGGERS = {**settings.TRIGGERS, "TURN_BATCH": 501}
    make_template()
    make_rule((1, 24), quiet="00:00-23:59", on_hit="put_off")
    letter = [("letter", "send_email", {"template": "reminder"})]
    live_chain(letter, key="tips", event="sign_up")
    live_chain(letter, key="cart", priority=5)
    counts = []
    for count in (1, 30, 60):
        done = set(Contact.objects.values_list("pk", flat=True))
        fill(count)
        new = Contact.objects.exclude(pk__in=done)
        Event.objects.filter(contact__in=new).update(name="sign_up")
        turn(5)
        now = timezone.now()
        events = [Event(contact=one, name="add_to_cart", occurred_at=now, recorded_at=now) for one in new]
        Event.objects.bulk_create(events)
        mine = Event.objects.filter(contact__in=new, name="add_to_cart").values_list("pk", flat=True)
        PendingEvent.objects.bulk_create([PendingEvent(event_id=pk, shard=5) for pk in mine])
        counts.append(statements_of_a_turn())
        moved = Message.objects.filter(reason__contains="gave way", contact__in=new)
        assert moved.filter(state="queued", chain__key="tips").count() == count
    assert counts[0] == counts[1] == counts[2]
