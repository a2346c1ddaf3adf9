"""Very much at once, or of one: a contact with a long history, and a contact who floods us, hold nobody up."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

import triggers
from tests.build import live_chain
from tests.faults.conftest import SMTP_FIRST
from tests.faults.scenario import Scenario, names
from triggers.models import SHARDS, Chain, Contact, Event, Journey, PendingEvent
from triggers.testing import run_due
from triggers.tracking import backlog

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.only_on("postgres"),
    SMTP_FIRST,
]
HISTORY = 100_000
FLOOD = 400
PEOPLE = 8


def write_history(contact: Contact) -> None:
    """A look at a product every five minutes, back to a year ago."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO triggers_event (uid, contact_id, name, occurred_at, recorded_at, data, object_ref)"
            " SELECT gen_random_uuid(), %s, 'view_item', at, at, '{}', ''"
            " FROM (SELECT now() - n * interval '5 minutes' AS at FROM generate_series(1, %s) n) moments",
            [contact.pk, HISTORY],
        )


@pytest.fixture
def regular(quick_shop: Scenario) -> Contact:
    """Somebody about whom a hundred thousand events are known."""
    contact = quick_shop.customer("regular")
    write_history(contact)
    return contact


@pytest.mark.fault("F23")
def test_a_history_of_a_hundred_thousand_events_is_asked_like_any_other(
    quick_shop: Scenario, regular: Contact
) -> None:
    """Counted as far as the question goes back, for the whole batch at once."""
    Chain.objects.update(status="draft")
    often = {"condition": {"kind": "event_happened", "event": "view_item", "days": 30, "at_least": 5000}}
    live_chain(
        [("ask", "condition", often, {"yes": [("vip", "change_contact", {"add_tags": ["vip"]})]})], key="asks"
    )
    for name in names(PEOPLE):
        triggers.capture("add_to_cart", contact=quick_shop.customer(name))
    triggers.capture("add_to_cart", contact=regular)
    run_due()
    assert Journey.objects.filter(status="finished").count() == PEOPLE + 1
    assert list(Contact.objects.filter(tags__name="vip")) == [regular]


@pytest.mark.fault("F23")
def test_the_page_of_a_contact_with_a_long_history_opens(regular: Contact, admin_client: Client) -> None:
    page = admin_client.get(reverse("admin:triggers_contact_change", args=[regular.pk]))
    assert page.status_code == 200
    assert len(page.content) < 500_000


@pytest.mark.fault("F23")
def test_who_floods_us_holds_up_nobody_of_another_shard(quick_shop: Scenario) -> None:
    """Four hundred events of one contact came before everybody else's order, and are worked off after them.

    Shards that were locked together with the flooder's used to wait until there was nothing left of it.
    """
    flooder = quick_shop.customer("flooder")
    now = timezone.now()
    flood = Event.objects.bulk_create(
        Event(contact=flooder, name="view_item", occurred_at=now, recorded_at=now) for _number in range(FLOOD)
    )
    PendingEvent.objects.bulk_create(PendingEvent(event=one, shard=flooder.pk % SHARDS) for one in flood)
    triggers.capture("add_to_cart", contact=flooder)
    quick_shop.believe("flooder", True)
    quick_shop.fill_carts(*names(PEOPLE))
    run_due()
    assert Journey.objects.order_by("-pk").values_list("contact", flat=True)[0] == flooder.pk
    assert quick_shop.problems() == []


@pytest.mark.fault("F24")
def test_the_tracker_is_sent_away_before_an_order_is(
    quick_shop: Scenario, settings: Any, client: Client
) -> None:
    """While the engine is behind, browsers come back later and the shop's own events are taken."""
    settings.TRIGGERS = {**settings.TRIGGERS, "TRACKER_BACKLOG": 10}
    flooder = quick_shop.customer("flooder")
    for _number in range(20):
        triggers.capture("view_item", contact=flooder)
    assert look(client) == 503
    quick_shop.fill_carts(*names(PEOPLE))
    run_due()
    assert look(client) == 204
    assert quick_shop.problems() == []


def look(client: Client) -> int:
    """What the tracker of a browser is answered."""
    backlog.forget()
    parcel = {"id": uuid4().hex, "events": [{"name": "page_view"}]}
    return client.post("/triggers/collect/", json.dumps(parcel), content_type="text/plain").status_code
