"""What people may do to journeys from outside the turn."""

from __future__ import annotations

import pytest

import triggers
from tests.build import live_chain, make_contact, make_template
from triggers.core.values import Reason
from triggers.engine.journeys import exit_journeys, resume_journeys
from triggers.engine.turn import turn
from triggers.models import Journey, Message
from triggers.testing import run_due

pytestmark = pytest.mark.django_db


def test_an_exit_by_hand_cancels_what_is_queued() -> None:
    make_template()
    live_chain(
        [("letter", "send_email", {"template": "reminder"}), ("wait", "wait", {"amount": 1, "unit": "days"})]
    )
    contact = make_contact()
    triggers.capture("add_to_cart", contact=contact)
    turn(contact.shard)
    journey = Journey.objects.get()
    assert exit_journeys([journey.pk], Reason("Stopped by %(who)s", {"who": "Kim"})) == 1
    assert exit_journeys([journey.pk], Reason("again")) == 0
    journey.refresh_from_db()
    assert (journey.status, journey.due_at, journey.active_slot) == ("exited", None, None)
    assert Message.objects.get().state == "cancelled"


def test_resuming_what_is_not_paused_changes_nothing() -> None:
    live_chain([("wait", "wait", {"amount": 1, "unit": "days"})])
    triggers.capture("add_to_cart", contact=make_contact())
    run_due()
    journey = Journey.objects.get()
    assert resume_journeys([journey.pk, 999_999]) == 0
    assert exit_journeys([], Reason("nobody")) == 0
