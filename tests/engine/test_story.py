"""The main job on real rows: an event becomes a journey, a journey becomes letters, an order ends it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

import triggers
from tests.build import live_chain, make_contact, make_template
from triggers.core.words import say
from triggers.delivery.send import deliver
from triggers.engine.turn import turn
from triggers.models import Contact, EntryLedger, Journey, Message, PendingEvent
from triggers.testing import database_clock, run_due, sms_outbox

pytestmark = pytest.mark.django_db

REMINDER = [
    ("wait", "wait", {"amount": 3, "unit": "hours"}),
    ("letter", "send_email", {"template": "reminder"}),
    ("pause", "wait", {"amount": 7, "unit": "days"}),
    ("text", "send_sms", {"template": "code"}),
]


@pytest.fixture
def contact() -> Contact:
    make_template()
    make_template("code", channel="sms")
    sms_outbox.clear()
    return make_contact(time_zone="Europe/Berlin")


def reasons(journey: Journey) -> list[str]:
    return [say(one.reason, one.data) for one in journey.transitions.all()]


def test_a_cart_that_is_left_gets_a_letter_and_a_week_later_a_text(contact: Contact) -> None:
    live_chain(REMINDER, goals=["purchase"])
    now = timezone.now()
    triggers.capture("add_to_cart", contact=contact, object_ref="cart:1")
    run_due()
    assert not mail.outbox
    with database_clock(now + timedelta(hours=3, minutes=1)):
        run_due()
    assert [letter.to for letter in mail.outbox] == [[contact.email]]
    with database_clock(now + timedelta(days=8)):
        run_due()
    assert [text.to for text in sms_outbox] == [contact.phone]
    journey = Journey.objects.get()
    assert journey.status == "finished"
    assert journey.due_at is None
    assert journey.active_slot is None
    assert reasons(journey)[0] == "Entered because of add_to_cart"
    assert reasons(journey)[-1] == "Reached the end of the chain"
    assert not PendingEvent.objects.exists()


def test_an_order_in_time_ends_the_journey(contact: Contact) -> None:
    live_chain(REMINDER, goals=["purchase"])
    triggers.capture("add_to_cart", contact=contact)
    run_due()
    triggers.capture("purchase", contact=contact)
    with database_clock(timezone.now() + timedelta(hours=4)):
        run_due()
    journey = Journey.objects.get()
    assert journey.status == "exited"
    assert not mail.outbox
    assert "Goal reached: purchase" in reasons(journey)


def test_an_order_that_no_turn_has_seen_yet_still_stops_the_letter_at_the_door(contact: Contact) -> None:
    live_chain([("letter", "send_email", {"template": "reminder"})], goals=["purchase"])
    triggers.capture("add_to_cart", contact=contact)
    turn(contact.shard)
    triggers.capture("purchase", contact=contact)
    deliver("email.marketing")
    message = Message.objects.get()
    assert (message.state, say(message.reason, message.reason_data)) == (
        "cancelled",
        "purchase happened before it left",
    )
    assert not mail.outbox


def test_events_before_activation_start_nothing(contact: Contact) -> None:
    triggers.capture("add_to_cart", contact=contact)
    live_chain(REMINDER)
    run_due()
    assert not Journey.objects.exists()


def test_entered_and_ordered_in_one_batch(contact: Contact) -> None:
    live_chain(REMINDER, goals=["purchase"])
    triggers.capture("add_to_cart", contact=contact)
    triggers.capture("purchase", contact=contact)
    run_due()
    assert Journey.objects.get().status == "exited"
    assert EntryLedger.objects.count() == 1


def test_what_follows_a_change_of_the_contact_sees_the_change(contact: Contact) -> None:
    is_vip = {"condition": {"kind": "tag", "tag": "vip"}}
    live_chain(
        [
            ("tag", "change_contact", {"add_tags": ["vip"], "attributes": {"size": "XL"}}),
            ("ask", "condition", is_vip, {"yes": [("letter", "send_email", {"template": "reminder"})]}),
        ]
    )
    triggers.capture("add_to_cart", contact=contact)
    run_due()
    contact.refresh_from_db()
    assert contact.attributes == {"size": "XL"}
    assert len(mail.outbox) == 1
    assert "Yes: has the tag “vip” (found: vip)" in reasons(Journey.objects.get())


def test_an_exit_drawn_after_a_letter_does_not_call_the_letter_back(contact: Contact) -> None:
    """It used to: leaving the chain cancelled what the same turn had queued."""
    live_chain([("letter", "send_email", {"template": "reminder"}), ("bye", "exit", {})])
    triggers.capture("add_to_cart", contact=contact)
    run_due()
    assert Journey.objects.get().status == "exited"
    assert Message.objects.get().state == "accepted"
    assert len(mail.outbox) == 1
