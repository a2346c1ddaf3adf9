"""A paused chain stands still: nobody enters, nobody moves on, nothing leaves; afterwards all goes on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

import triggers
from tests.build import live_chain, make_contact, make_template
from triggers.delivery.send import deliver
from triggers.engine.journeys import resume_journeys
from triggers.engine.publish import pause_chain, publish, resume_chain
from triggers.engine.turn import turn
from triggers.models import Chain, Contact, Journey, Message
from triggers.testing import database_clock, run_due

pytestmark = pytest.mark.django_db

CHAIN = [
    ("letter", "send_email", {"template": "reminder"}),
    ("wait", "wait", {"amount": 1, "unit": "hours"}),
    ("second", "send_email", {"template": "reminder"}),
]


@pytest.fixture
def contact() -> Contact:
    make_template()
    return make_contact()


@pytest.fixture
def chain(contact: Contact) -> Chain:
    """A chain with the contact inside, its first letter queued."""
    chain = live_chain(CHAIN, goals=["purchase"])
    triggers.capture("add_to_cart", contact=contact)
    turn(contact.shard)
    return chain


def test_what_is_queued_is_held_and_leaves_afterwards(chain: Chain) -> None:
    pause_chain(chain)
    run_due()
    assert Message.objects.get().state == "held"
    assert not mail.outbox
    resume_chain(chain)
    run_due()
    assert Message.objects.get().state == "accepted"
    assert len(mail.outbox) == 1


def test_what_was_queued_beside_the_pause_is_held_at_the_door(chain: Chain) -> None:
    Chain.objects.update(status="paused")
    deliver("email.marketing")
    assert Message.objects.get().state == "held"


def test_what_was_held_while_the_chain_went_on_is_looked_at_again(chain: Chain) -> None:
    """A sender that read the pause just before the resume used to hold its letters for ever."""
    Chain.objects.update(status="paused")
    deliver("email.marketing")
    Chain.objects.update(status="live")
    with database_clock(timezone.now() + timedelta(minutes=2)):
        run_due()
    assert Message.objects.get().state == "accepted"


@pytest.mark.parametrize("publishes", [True, False])
def test_who_is_due_is_parked_and_goes_on_afterwards(chain: Chain, publishes: bool) -> None:
    run_due()
    pause_chain(chain)
    later = timezone.now() + timedelta(hours=2)
    with database_clock(later):
        run_due()
        journey = Journey.objects.get()
        assert (journey.status, journey.due_at, journey.active_slot) == ("paused", None, 1)
        assert journey.resume_due_at
        assert len(mail.outbox) == 1
        assert resume_journeys([journey.pk]) == 0
        chain.refresh_from_db()
        publish(chain) if publishes else resume_chain(chain)
        run_due()
    finished = Journey.objects.get()
    assert (finished.status, finished.resume_due_at) == ("finished", None)
    assert len(mail.outbox) == 2
    reasons = list(journey.transitions.values_list("reason", flat=True))
    assert "Waits: the chain is paused" in reasons
    assert "Goes on: the chain is no longer paused" in reasons


def test_a_goal_ends_a_parked_journey_and_its_held_letter(chain: Chain, contact: Contact) -> None:
    pause_chain(chain)
    triggers.capture("purchase", contact=contact)
    run_due()
    assert Journey.objects.get().status == "exited"
    assert Message.objects.get().state == "cancelled"
    resume_chain(chain)
    run_due()
    assert not mail.outbox
