"""Quiet hours, caps, priority and lateness on real rows: what a turn queues, leaves out, puts off and moves away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.utils import timezone

import triggers
from tests.build import live_chain, make_contact, make_rule, make_template
from triggers.core.words import say
from triggers.engine.journeys import resume_journeys
from triggers.engine.publish import pause_chain, resume_chain
from triggers.engine.turn import turn
from triggers.models import Chain, Contact, Journey, Message, Template
from triggers.shop import ContactRef, ShopAdapter
from triggers.testing import database_clock, run_due

pytestmark = pytest.mark.django_db

LETTER = ("letter", "send_email", {"template": "reminder"})
HOUR = timedelta(hours=1)
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
def contact() -> Contact:
    make_template()
    return make_contact(time_zone="Europe/Berlin")


def last_words(journey: Journey, step: str = "letter") -> str:
    move = journey.transitions.filter(step=step).last()
    assert move
    return say(move.reason, move.data)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def tomorrow(clock: str) -> datetime:
    """The moment at which it is so late in Berlin, on a day after today."""
    day = (timezone.now().astimezone(BERLIN) + timedelta(days=1)).date()
    return berlin(f"{day} {clock}")


def test_a_letter_that_falls_into_quiet_hours_leaves_at_their_end(contact: Contact) -> None:
    make_rule(quiet="22:00-08:00")
    wait = ("wait", "wait", {"amount": 2, "unit": "hours"})
    live_chain([LETTER, wait, ("second", "send_email", {"template": "reminder"})])
    evening, morning = tomorrow("23:30"), tomorrow("08:00") + timedelta(days=1)
    with database_clock(evening):
        triggers.capture("add_to_cart", contact=contact)
        run_due()
    message = Message.objects.get()
    assert (message.state, message.send_after) == ("queued", morning)
    assert message.expires_at == morning + timedelta(days=2)
    assert Journey.objects.get().due_at == morning + 2 * HOUR
    with database_clock(morning - timedelta(seconds=1)):
        run_due()
    assert not mail.outbox
    with database_clock(morning):
        run_due()
    assert len(mail.outbox) == 1


def test_the_chains_own_quiet_hours_are_part_of_what_was_published(contact: Contact) -> None:
    chain = live_chain([LETTER], quiet="10:00-20:00")
    assert chain.live_version
    assert chain.live_version.definition["quiet"] == {"start": "10:00:00", "end": "20:00:00"}
    Chain.objects.update(quiet_from=None, quiet_until=None)
    with database_clock(tomorrow("12:00")):
        triggers.capture("add_to_cart", contact=contact)
        run_due()
    assert Message.objects.get().send_after == tomorrow("20:00")


def test_a_full_cap_skips_and_the_chain_goes_on(contact: Contact) -> None:
    make_rule((2, 24))
    live_chain([LETTER, ("tag", "change_contact", {"add_tags": ["seen"]})])
    for _time in range(3):
        triggers.capture("add_to_cart", contact=contact)
        run_due()
    assert len(mail.outbox) == Message.objects.count() == 2
    newest = Journey.objects.latest("pk")
    assert (newest.status, newest.messages_queued) == ("finished", 0)
    assert last_words(newest) == "Not sent: already 2 in 1 d"
    assert contact.tags.exists()


def test_a_full_cap_puts_off_until_there_is_room(contact: Contact) -> None:
    make_rule((1, 24), on_hit="put_off")
    live_chain([LETTER])
    now = timezone.now()
    for _time in range(2):
        triggers.capture("add_to_cart", contact=contact)
        run_due()
    waiting = Journey.objects.get(status="active")
    first = Message.objects.get()
    assert first.sending_at
    assert waiting.due_at == first.sending_at + timedelta(hours=24)
    with database_clock(now + timedelta(hours=25)):
        run_due()
    assert len(mail.outbox) == 2
    waiting.refresh_from_db()
    assert waiting.status == "finished"


def test_caps_are_of_one_channel_and_one_class(contact: Contact) -> None:
    make_template("code", channel="sms")
    make_template("order", message_class="transactional")
    make_rule((1, 24))
    sends = [
        LETTER,
        ("text", "send_sms", {"template": "code"}),
        ("order", "send_email", {"template": "order"}),
    ]
    live_chain(sends)
    for _time in range(2):
        triggers.capture("add_to_cart", contact=contact)
        run_due()
    assert sorted(Message.objects.values_list("template_key", flat=True)) == [
        *("code", "code", "order", "order", "reminder")
    ]


def test_the_class_is_the_templates_at_that_moment(contact: Contact) -> None:
    make_rule((1, 24))
    live_chain([LETTER])
    for _time in range(2):
        triggers.capture("add_to_cart", contact=contact)
        run_due()
        Template.objects.update(message_class="transactional")
    assert Message.objects.count() == 2


def test_in_one_batch_the_more_important_chain_goes_first_and_the_other_says_so(contact: Contact) -> None:
    make_rule((1, 24))
    live_chain([LETTER], key="Tips")
    live_chain([LETTER], key="Cart", priority=5)
    live_chain([LETTER], key="News", priority=1)
    triggers.capture("add_to_cart", contact=contact)
    turn(contact.shard)
    assert Message.objects.get().chain == Chain.objects.get(key="Cart")
    for key in ("Tips", "News"):
        assert (
            last_words(Journey.objects.get(chain__key=key)) == "Not sent: already 1 in 1 d, “Cart” goes first"
        )


@pytest.mark.parametrize("on_hit", ["skip", "put_off"])
def test_what_waits_gives_way_to_the_more_important(contact: Contact, on_hit: str) -> None:
    make_rule((1, 24), quiet="22:00-08:00", on_hit=on_hit)
    tips = live_chain([LETTER], key="Tips", event="sign_up")
    live_chain([LETTER], key="Cart", priority=5)
    evening, morning = tomorrow("23:00"), tomorrow("08:00") + timedelta(days=1)
    with database_clock(evening):
        triggers.capture("sign_up", contact=contact)
        turn(contact.shard)
        triggers.capture("add_to_cart", contact=contact)
        turn(contact.shard)
    gone, winner = Message.objects.get(chain=tips), Message.objects.exclude(chain=tips).get()
    assert (winner.state, winner.send_after) == ("queued", morning)
    assert last_words(Journey.objects.get(chain__key="Cart")).endswith(
        "in the place of a less important message"
    )
    said = say(gone.reason, gone.reason_data)
    assert said.endswith("gave way to the more important chain “Cart”")
    if on_hit == "skip":
        assert gone.state == "suppressed"
    else:
        assert (gone.state, gone.send_after) == ("queued", morning + timedelta(days=1))
        assert gone.expires_at == morning + timedelta(days=2)


def test_the_most_important_of_several_that_ask_for_one_place_takes_it(contact: Contact) -> None:
    """Which of two letters was asked about last used to decide whose importance counted."""
    make_template("second")
    make_rule((1, 24))
    live_chain([LETTER], key="Tips", event="sign_up", priority=3)
    live_chain([LETTER], key="Cart", priority=5)
    live_chain([("letter", "send_email", {"template": "second"})], key="News", priority=1)
    triggers.capture("sign_up", contact=contact)
    turn(contact.shard)
    triggers.capture("add_to_cart", contact=contact)
    turn(contact.shard)
    states = dict(Message.objects.values_list("chain__key", "state"))
    assert states == {"Tips": "suppressed", "Cart": "queued"}


def test_what_would_be_worthless_after_giving_way_ends(contact: Contact) -> None:
    make_rule((1, 24), on_hit="put_off")
    live_chain(
        [("letter", "send_email", {"template": "reminder", "expires_hours": 23})], key="Tips", event="sign_up"
    )
    live_chain([LETTER], key="Cart", priority=5)
    triggers.capture("sign_up", contact=contact)
    turn(contact.shard)
    triggers.capture("add_to_cart", contact=contact)
    run_due()
    states = dict(Message.objects.values_list("chain__key", "state"))
    assert states == {"Tips": "suppressed", "Cart": "accepted"}


def test_what_has_left_gives_way_to_nobody(contact: Contact) -> None:
    make_rule((1, 24))
    live_chain([LETTER], key="Tips", event="sign_up")
    live_chain([LETTER], key="Cart", priority=5)
    triggers.capture("sign_up", contact=contact)
    run_due()
    triggers.capture("add_to_cart", contact=contact)
    run_due()
    assert Message.objects.get().state == "accepted"
    assert (
        last_words(Journey.objects.get(chain__key="Cart")) == "Not sent: already 1 in 1 d, “Tips” was earlier"
    )


@pytest.mark.parametrize("state", ["failed", "suppressed", "cancelled", "expired"])
def test_what_never_left_takes_no_room(contact: Contact, state: str) -> None:
    make_rule((1, 24))
    live_chain([LETTER])
    triggers.capture("add_to_cart", contact=contact)
    run_due()
    Message.objects.update(state=state)
    triggers.capture("add_to_cart", contact=contact)
    run_due()
    assert Message.objects.count() == 2


@pytest.mark.parametrize("state", ["held", "sending", "unknown", "delivered", "bounced", "complained"])
def test_what_waits_or_may_have_left_takes_room(contact: Contact, state: str) -> None:
    make_rule((1, 24))
    live_chain([LETTER])
    triggers.capture("add_to_cart", contact=contact)
    run_due()
    Message.objects.update(state=state)
    triggers.capture("add_to_cart", contact=contact)
    turn(contact.shard)
    assert Message.objects.count() == 1


def test_after_an_outage_of_three_hours_the_cap_holds(contact: Contact) -> None:
    """F27: nothing ran for three hours, in which five reminders became due."""
    make_rule((1, 24))
    live_chain([("wait", "wait", {"amount": 1, "unit": "hours"}), LETTER])
    now = timezone.now()
    for number in range(5):
        with database_clock(now + number * timedelta(minutes=20)):
            triggers.capture("add_to_cart", contact=contact)
            turn(contact.shard)
            Journey.objects.update(active_slot=None)
    with database_clock(now + 4 * HOUR):
        run_due()
    assert len(mail.outbox) == 1
    said = sorted(last_words(journey) for journey in Journey.objects.all())
    assert said == ["Letter “reminder” queued", *["Not sent: already 1 in 1 d"] * 4]


def test_a_beat_that_stood_still_for_six_hours_does_not_write_at_night() -> None:
    """F14: what fell due at nine in the evening is found at three, and leaves in the morning; what is too late does not."""
    make_template()
    make_rule(quiet="22:00-08:00")
    patient = ("letter", "send_email", {"template": "reminder"})
    live_chain([("wait", "wait", {"amount": 1, "unit": "hours"}), patient], key="patient")
    urgent = ("letter", "send_email", {"template": "reminder", "late_hours": 4})
    live_chain([("wait", "wait", {"amount": 1, "unit": "hours"}), urgent], key="urgent")
    people = [make_contact(number, time_zone="Europe/Berlin") for number in range(5)]
    night = tomorrow("03:00") + timedelta(days=1)
    with database_clock(night - 7 * HOUR):
        for one in people:
            triggers.capture("add_to_cart", contact=one)
        run_due()
    with database_clock(night):
        run_due()
    assert not mail.outbox
    assert {last_words(one) for one in Journey.objects.filter(chain__key="urgent")} == {
        "Not sent: 6.0 h late"
    }
    with database_clock(night + 5 * HOUR):
        run_due()
    assert len(mail.outbox) == len(people)
    # Everything that was due was sent or left out, with its reason.
    assert Journey.objects.filter(status="finished").count() == 2 * len(people)


def test_an_event_that_waited_for_a_day_sends_no_welcome_any_more(contact: Contact) -> None:
    live_chain([LETTER])
    triggers.capture("add_to_cart", contact=contact)
    with database_clock(timezone.now() + timedelta(hours=25)):
        run_due()
    assert not Message.objects.exists()
    assert last_words(Journey.objects.get()) == "Not sent: 25.0 h late"


def test_transactional_letters_are_never_too_late_by_themselves(contact: Contact) -> None:
    Template.objects.update(message_class="transactional")
    live_chain([LETTER])
    triggers.capture("add_to_cart", contact=contact)
    with database_clock(timezone.now() + timedelta(days=3)):
        run_due()
    assert len(mail.outbox) == 1


class Unreachable(ShopAdapter):
    """A shop that is down while `is_down`."""

    is_down = True

    def load_facts(self, names: Sequence[str], contacts: Sequence[ContactRef]) -> dict[int, dict[str, Any]]:
        if self.is_down:
            raise ConnectionError("the shop is down")
        return super().load_facts(names, contacts)


def test_what_the_shops_own_outage_made_late_is_left_out_too(contact: Contact, settings: Any) -> None:
    """A journey that tried again every minute for two days was never more than a minute late."""
    settings.TRIGGERS = {**settings.TRIGGERS, "SHOP_ADAPTER": f"{__name__}.Unreachable"}
    Unreachable.is_down = True
    asks = {"condition": {"kind": "shop_fact", "fact": "cart.count", "op": "gte", "value": 0}}
    tag = ("tag", "change_contact", {"add_tags": ["asked"]})
    live_chain([("ask", "condition", asks, {"yes": [tag]}), LETTER])
    now = timezone.now()
    triggers.capture("add_to_cart", contact=contact)
    for hours in (0, 1, 24):
        with database_clock(now + hours * HOUR):
            run_due()
    Unreachable.is_down = False
    with database_clock(now + 30 * HOUR):
        run_due()
    assert contact.tags.get().name == "asked"
    assert not Message.objects.exists()
    assert last_words(Journey.objects.get()) == "Not sent: 30.0 h late"


def test_a_chain_that_was_paused_for_days_does_not_send_what_was_due_then(contact: Contact) -> None:
    chain = live_chain([("wait", "wait", {"amount": 1, "unit": "hours"}), LETTER])
    now = timezone.now()
    triggers.capture("add_to_cart", contact=contact)
    run_due()
    pause_chain(chain)
    with database_clock(now + 50 * HOUR):
        run_due()
        resume_chain(chain)
        run_due()
    assert last_words(Journey.objects.get()) == "Not sent: 49.0 h late"


def test_a_person_who_resumes_a_journey_means_now(contact: Contact) -> None:
    live_chain([("wait", "wait", {"amount": 1, "unit": "hours"}), LETTER])
    triggers.capture("add_to_cart", contact=contact)
    run_due()
    journey = Journey.objects.get()
    long_ago = timezone.now() - 90 * HOUR
    Journey.objects.update(status="paused", step="letter", due_at=None, planned_at=long_ago)
    with database_clock(timezone.now() + 50 * HOUR):
        resume_journeys([journey.pk])
        run_due()
    assert len(mail.outbox) == 1
