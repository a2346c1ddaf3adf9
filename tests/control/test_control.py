"""One switch stops everything within one claim, and nothing is lost by it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import call_command
from django.utils import timezone

import triggers
from tests.build import live_chain, make_contact, make_template
from triggers.control import is_everything_paused, pause_everything, pause_of_everything, resume_everything
from triggers.delivery.lane import lanes_with_work
from triggers.delivery.send import deliver
from triggers.engine.look import with_work
from triggers.engine.turn import turn
from triggers.models import Contact, Control, Journey, Message, PendingEvent
from triggers.testing import database_clock, run_due
from triggers.workload import find_work

pytestmark = pytest.mark.django_db

CHAIN = [
    ("letter", "send_email", {"template": "reminder"}),
    ("wait", "wait", {"amount": 1, "unit": "hours"}),
    ("second", "send_email", {"template": "reminder"}),
]


@pytest.fixture
def contact() -> Contact:
    """Inside a chain, the first letter queued."""
    make_template()
    live_chain(CHAIN)
    contact = make_contact()
    triggers.capture("add_to_cart", contact=contact)
    turn(contact.shard)
    return contact


def test_nothing_moves_and_nothing_leaves_but_events_are_recorded(contact: Contact) -> None:
    pause_everything("a wrong price in a letter")
    assert triggers.capture("add_to_cart", contact=make_contact(2))
    with database_clock(timezone.now() + timedelta(hours=2)):
        assert run_due() == 0
        assert turn(*range(64)).events == 0
        assert deliver("email.marketing").looked_at == 0
        work = find_work()
    assert (work.shards, work.lanes, with_work(), lanes_with_work()) == ((), (), [], [])
    assert Message.objects.get().state == "queued"
    assert Journey.objects.get().messages_queued == 1
    assert PendingEvent.objects.filter(event__name="add_to_cart").count() == 1
    assert not mail.outbox


def test_all_goes_on_afterwards(contact: Contact) -> None:
    pause_everything()
    triggers.capture("add_to_cart", contact=make_contact(2))
    run_due()
    assert resume_everything()
    run_due()
    assert len(mail.outbox) == 2
    assert not PendingEvent.objects.exists()


def test_what_became_too_late_meanwhile_expires(contact: Contact) -> None:
    pause_everything()
    with database_clock(timezone.now() + timedelta(days=3)):
        resume_everything()
        deliver("email.marketing")
    assert Message.objects.get().state == "expired"
    assert not mail.outbox


def test_who_paused_it_first_is_remembered() -> None:
    boss = User.objects.create_user("boss")
    assert pause_everything("first", by=boss)
    assert not pause_everything("second")
    pause = pause_of_everything()
    assert pause
    assert (pause.why, pause.by) == ("first", boss)
    assert pause.paused_at
    boss.delete()
    assert is_everything_paused()
    assert resume_everything()
    assert not resume_everything()
    assert pause_of_everything() is None
    assert Control.objects.count() == 1


@pytest.mark.parametrize("why", ["x" * 5000, "\0", "\ud800", "", "100 %s"])
def test_any_reason_can_be_stored(why: str) -> None:
    assert pause_everything(why)
    assert is_everything_paused()


def test_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("triggers_pause", why="maintenance")
    assert is_everything_paused()
    call_command("triggers_pause")
    call_command("triggers_resume")
    assert not is_everything_paused()
    call_command("triggers_resume")
    said = capsys.readouterr().out.splitlines()
    assert "triggers_resume" in said[0]
    assert said[1].endswith("maintenance")
    assert said[2:] == ["Everything goes on.", "Nothing was paused."]
