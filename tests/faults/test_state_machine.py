"""Hypothesis drives a shop in an order nobody thought of; the promises must hold after every step and at the end."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from anymail.signals import AnymailTrackingEvent, tracking
from django.db import transaction
from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import triggers
from tests.build import live_chain, make_contact, make_template
from tests.faults.checker import COLUMNS
from tests.faults.deliveries import wish_of
from tests.faults.scenario import CONCURRENCY, settings_for
from tests.faults.smtp_sink import SMTPSink
from triggers import consent
from triggers.delivery.claim import claim
from triggers.delivery.email import Letter, Mailer
from triggers.delivery.lane import lanes_with_work
from triggers.delivery.send import deliver
from triggers.engine.erase import erase_contact
from triggers.engine.look import with_work
from triggers.engine.merge import merge_contacts
from triggers.engine.publish import pause_chain, publish, resume_chain
from triggers.engine.turn import turn
from triggers.models import (
    Chain,
    Contact,
    EntryLedger,
    Event,
    Journey,
    Message,
    PendingEvent,
    Step,
    Suppression,
    Topic,
)
from triggers.testing import database_clock, run_due
from triggers.workload import do_work, find_work

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.only_on("postgres"),
    pytest.mark.parametrize("provider", ["smtp"], indirect=True),
]

# Every second customer wishes for nothing special.
WISHES = st.just("customer") | st.sampled_from(
    ("greylist", "tempfail", "permfail", "dropafterdata", "dropindata", "closeafter250")
)
PLACES = st.integers(0, 9)
TROUBLES = (
    *("refusal of a topic", "refusal of everything", "order", "pause"),
    *("sender killed before the call", "sender killed after the call", "merge", "erasure"),
)
IN_DOUBT = ("dropafterdata", "dropindata")
CHAIN = [
    ("wait", "wait", {"amount": 2, "unit": "hours"}),
    ("reminder", "send_email", {"template": "reminder"}),
    ("day", "wait", {"amount": 1, "unit": "days"}),
    ("thanks", "send_email", {"template": "thanks"}),
]
SETTINGS = settings(
    derandomize=True,
    max_examples=25,
    stateful_step_count=15,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


class Shop(RuleBasedStateMachine):
    """A shop on a clock of its own. Everything it does is rolled back with its example."""

    provider: SMTPSink
    numbers = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        self.now = timezone.now()
        self._transaction = transaction.atomic()
        self._transaction.__enter__()
        self.delivered_before = len(self.provider.log.read())
        self.people: list[int] = []
        # Events that were acknowledged, and those of them that must have led into the chain.
        self.events = 0
        self.entering: list[tuple[int, Any]] = []
        # Marketing letters each contact had received when it refused.
        self.refused: dict[int, int] = {}
        # Who agreed, withdrew and refused a topic, and after how many such words.
        self.words = itertools.count()
        self.agreed: dict[int, int] = {}
        self.withdrew: dict[int, int] = {}
        self.opted_out: set[int] = set()
        # Letters each contact had received when it was erased.
        self.erased: dict[int, int] = {}
        # Journeys of two contacts that became one while both were inside, and the reminders that had arrived by then.
        self.joined: list[tuple[list[int], int]] = []
        # Letters whose sender was killed.
        self.abandoned: set[int] = set()
        with self.clock():
            make_template("reminder")
            make_template("thanks", message_class="transactional")
            self.chain = live_chain(CHAIN, goals=["purchase"])

    def teardown(self) -> None:
        try:
            self.come_to_an_end()
        finally:
            transaction.set_rollback(True)
            self._transaction.__exit__(None, None, None)

    @contextmanager
    def clock(self) -> Iterator[None]:
        """Every act takes a second."""
        self.now += timedelta(seconds=1)
        with database_clock(self.now):
            yield

    @initialize(
        wishes=st.lists(WISHES, min_size=3, max_size=3),
        troubles=st.lists(st.sampled_from(TROUBLES), min_size=2, max_size=2),
    )
    def open_with_customers(self, wishes: list[str], troubles: list[str]) -> None:
        """Three who have a letter on its way, and two things that come between; drawn freely they would seldom meet."""
        for wish in wishes:
            self.sign_up(wish, agrees=True)
        for place in range(len(wishes)):
            self.fill_cart(place)
        self.take_turns()
        self.wait(hours=3)
        self.take_turns()
        for place, trouble in enumerate(troubles):
            match trouble:
                case "refusal of a topic" | "refusal of everything":
                    self.unsubscribe(place, trouble == "refusal of everything")
                case "order":
                    self.order(place)
                case "merge":
                    self.merge(place, place + 1, True)
                case "erasure" if len(self.people) > 1:
                    self.erase(place, True)
                case "pause" if self.is_live:
                    self.pause()
                case "sender killed before the call" | "sender killed after the call":
                    self.kill_a_sender(trouble == "sender killed after the call")
        self.send()

    @rule(wish=WISHES, agrees=st.booleans())
    def sign_up(self, wish: str, agrees: bool) -> None:
        number = next(self.numbers)
        with self.clock():
            contact = make_contact(number, email=f"{wish}-{number}@example.com", agrees=agrees)
        self.people.append(contact.pk)
        if agrees:
            self.agreed[contact.pk] = next(self.words)
        else:
            self.refused[contact.pk] = 0

    @rule(place=PLACES)
    def fill_cart(self, place: int) -> None:
        person = self.people[place % len(self.people)]
        with self.clock():
            assert triggers.capture("add_to_cart", contact=Contact.objects.get(pk=person))
        self.events += 1
        if self.is_live:
            self.entering.append((person, self.now))

    @rule(place=PLACES)
    def order(self, place: int) -> None:
        with self.clock():
            assert triggers.capture("purchase", contact=self.someone_who_waits(place))
        self.events += 1

    @rule()
    def take_turns(self) -> None:
        with self.clock():
            turn(*with_work())
        self.check_entries()

    @rule()
    def work(self) -> None:
        """A round of a worker that has missed nothing."""
        with self.clock():
            do_work()
        self.check_entries()

    @rule()
    def send(self) -> None:
        with self.clock():
            for lane in lanes_with_work():
                deliver(lane)

    @rule(was_called=st.booleans())
    def kill_a_sender(self, was_called: bool) -> None:
        """It had marked its letters; it had called the provider, or not; it recorded nothing."""
        with self.clock(), closing(Mailer()) as mailer:
            for lane in lanes_with_work()[:1]:
                for one in claim(lane, CONCURRENCY).ready:
                    self.abandoned.add(one.id)
                    assert isinstance(one.payload, Letter)
                    if was_called:
                        mailer.send(one.payload)

    @rule(hours=st.sampled_from([1, 3, 30]))
    def wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        with self.clock():
            find_work()

    @rule(kind=st.sampled_from(["delivered", "bounced", "complained", "opened"]), place=PLACES)
    def hear_from_the_provider(self, kind: str, place: int) -> None:
        """Reports are about letters that the provider has seen."""
        seen = Message.objects.filter(attempt__gt=0).exclude(state="failed").order_by("pk")
        if message := seen[place % seen.count()] if seen else None:
            event = AnymailTrackingEvent(event_type=kind, metadata={"triggers_message": message.uid.hex})
            with self.clock():
                tracking.send(sender=object, event=event, esp_name="Resend")
            self.events += Event.objects.filter(recorded_at=self.now).count()
            if Suppression.objects.filter(address=message.contact.email_key).exists():
                self.refused.setdefault(message.contact_id, self.marketing_received(message.contact_id))

    @rule(place=PLACES, everything=st.booleans())
    def unsubscribe(self, place: int, everything: bool) -> None:
        contact = self.someone_who_waits(place)
        with self.clock():
            if everything:
                consent.withdraw(contact, "email", source="test")
                self.withdrew.setdefault(contact.pk, next(self.words))
            else:
                self.opted_out.add(contact.pk)
                consent.opt_out(contact, Topic.objects.get(), source="test")
        self.refused.setdefault(contact.pk, self.marketing_received(contact.pk))

    @precondition(lambda self: len(self.people) > 1)
    @rule(place=PLACES, other=PLACES, fills_cart=st.booleans())
    def merge(self, place: int, other: int, fills_cart: bool) -> None:
        """A person is known twice; a request of the shop that began before it may fill a cart after it."""
        kept, gone = self.people[place % len(self.people)], self.people[other % len(self.people)]
        if kept == gone:
            return
        stale = Contact.objects.get(pk=gone)
        inside = list(
            Journey.objects.filter(contact__in=(kept, gone), active_slot=1).values_list("pk", flat=True)
        )
        with self.clock():
            merge_contacts(Contact.objects.get(pk=kept), Contact.objects.get(pk=gone))
            if fills_cart:
                assert triggers.capture("add_to_cart", contact=stale)
                self.events += 1
        self.people.remove(gone)
        self.entering = [(kept if person == gone else person, at) for person, at in self.entering]
        if fills_cart and self.is_live:
            self.entering.append((kept, self.now))
        if len(inside) == 2:
            self.joined.append((inside, self.reminders_of(inside)))
        refuses = gone in self.opted_out or self.withdrew.get(gone, -1) > self.agreed.get(kept, -1)
        if gone in self.opted_out:
            self.opted_out.add(kept)
        if gone in self.withdrew:
            self.withdrew[kept] = max(self.withdrew[gone], self.withdrew.get(kept, -1))
        self.refused.pop(gone, None)
        if refuses or kept in self.refused:
            self.refused[kept] = self.marketing_received(kept)

    @precondition(lambda self: len(self.people) > 1)
    @rule(place=PLACES, fills_cart=st.booleans())
    def erase(self, place: int, fills_cart: bool) -> None:
        person = self.people.pop(place % len(self.people))
        stale = Contact.objects.get(pk=person)
        with self.clock():
            erase_contact(stale)
            if fills_cart:
                assert triggers.capture("add_to_cart", contact=stale)
                self.events += 1
        self.entering = [(one, at) for one, at in self.entering if one != person]
        self.erased[person] = self.received(person)

    @precondition(lambda self: self.is_live)
    @rule()
    def pause(self) -> None:
        with self.clock():
            pause_chain(self.chain)
        self.entering.clear()

    @precondition(lambda self: not self.is_live)
    @rule()
    def resume(self) -> None:
        with self.clock():
            resume_chain(self.chain)

    @rule(hours=st.sampled_from([1, 2, 5]), is_short=st.booleans())
    def edit(self, hours: int, is_short: bool) -> None:
        """Another wait, and the last letter goes or comes back; who is inside finishes what he entered."""
        versions = dict(Journey.objects.values_list("pk", "version"))
        with self.clock():
            Step.objects.filter(key="wait").update(config={"amount": hours, "unit": "hours"})
            Step.objects.filter(key="thanks").update(
                kind="exit" if is_short else "send_email", config={} if is_short else CHAIN[3][2]
            )
            publish(self.chain)
        assert dict(Journey.objects.values_list("pk", "version")) == versions

    @invariant()
    def every_acknowledged_event_is_there(self) -> None:
        """P1."""
        assert Event.objects.filter(name__in=("add_to_cart", "purchase")).count() <= self.events
        acts = Event.objects.filter(name__in=("add_to_cart", "purchase")).count()
        opened = Event.objects.filter(name="email_opened").count()
        assert acts + opened == self.events

    @invariant()
    def nobody_gets_a_letter_twice(self) -> None:
        """P3: one row for each step of a journey, one copy of each row, but for what is promised of doubts."""
        again = Message.objects.values("journey", "step").annotate(times=Count("pk")).filter(times__gt=1)
        assert not again.exists()
        copies = Counter(one.uid for one in self.provider.log.read()[self.delivered_before :])
        # The second try of a transactional letter that was in doubt.
        may_come_twice = {
            uid.hex
            for uid in Message.objects.filter(
                message_class="transactional", unknown_since__isnull=False, resends=1
            ).values_list("uid", flat=True)
        }
        assert all(count <= 1 + (uid in may_come_twice) for uid, count in copies.items())

    @invariant()
    def two_who_became_one_get_one_copy(self) -> None:
        """P3: once they are one, of two journeys side by side one sends each letter, if none had."""
        for journeys, received in self.joined:
            assert Journey.objects.filter(pk__in=journeys, active_slot=1).count() <= 1
            assert self.reminders_of(journeys) <= max(1, received)

    @invariant()
    def nothing_leaves_after_an_erasure(self) -> None:
        """P4."""
        for person, received in self.erased.items():
            assert self.received(person) == received
            assert not Message.objects.filter(contact=person).exclude(address="").exists()
        assert not Event.objects.filter(contact__in=self.erased, pending=None).exclude(data={}).exists()

    @invariant()
    def a_refusal_counts(self) -> None:
        """P4."""
        for person, received in self.refused.items():
            assert self.marketing_received(person) == received

    @invariant()
    def nothing_is_without_a_state_and_a_reason(self) -> None:
        """P5."""
        rows = Message.objects.values_list("uid", "state", "reason")
        taken = {one.uid for one in self.provider.log.read()[self.delivered_before :]}
        reported = COLUMNS["sent"] - {"accepted"}
        for uid, state, reason in rows:
            assert reason or state in COLUMNS["sent"] | {"queued", "sending", "held"}
            assert uid.hex not in taken or state in COLUMNS["sent"] | COLUMNS["unknown"]
            assert uid.hex in taken or state not in COLUMNS["sent"] or state in reported
        ended = Q(status__in=("finished", "exited", "failed"))
        assert not Journey.objects.filter(ended, Q(due_at__isnull=False) | Q(ended_at=None)).exists()
        assert not Journey.objects.filter(status="active", due_at=None).exists()
        assert not Journey.objects.filter(status="failed").exists()
        there = Q(contact__erased_at=None)
        assert EntryLedger.objects.filter(there).count() == Journey.objects.filter(there).count()
        assert EntryLedger.objects.exclude(there).count() == 0
        assert not Journey.objects.filter(contact__merged_into__isnull=False).exists()

    def someone_who_waits(self, place: int) -> Contact:
        """A contact with a letter that has not left, if there is one."""
        waiting = Message.objects.filter(state__in=("queued", "sending", "held")).order_by("pk")
        people = list(waiting.values_list("contact", flat=True)) or self.people
        return Contact.objects.get(pk=people[place % len(people)])

    @property
    def is_live(self) -> bool:
        return Chain.objects.get(pk=self.chain.pk).status == "live"

    def marketing_received(self, person: int) -> int:
        return self.arrived(Message.objects.filter(contact=person, message_class="marketing"))

    def received(self, person: int) -> int:
        return self.arrived(Message.objects.filter(contact=person))

    def reminders_of(self, journeys: list[int]) -> int:
        return self.arrived(Message.objects.filter(journey__in=journeys, step="reminder"))

    def arrived(self, messages: QuerySet[Message]) -> int:
        """Copies of these that somebody received."""
        wanted = {uid.hex for uid in messages.values_list("uid", flat=True)}
        return sum(one.uid in wanted for one in self.provider.log.read()[self.delivered_before :])

    def check_entries(self) -> None:
        """Whoever filled a cart while the chain was live is inside, or was from then on."""
        # Handed on from the shard of a contact that was merged: it is the next turn's.
        handed_on = set(PendingEvent.objects.values_list("event__contact", flat=True))
        for person, moment in self.entering if self.is_live else []:
            inside = Journey.objects.filter(contact=person, entered_at__lte=moment)
            is_or_was = inside.filter(Q(ended_at=None) | Q(ended_at__gte=moment)).exists()
            assert is_or_was or person in handed_on
        self.entering = [one for one in self.entering if one[0] in handed_on]

    def come_to_an_end(self) -> None:
        """Everything that waits is over: the books must be closed, and no doubt without its reason."""
        if not self.is_live:
            # Whoever becomes due in the pause is parked, and must be let go by its end.
            self.now += timedelta(days=2)
            with self.clock():
                run_due()
            self.resume()
        for _day in range(6):
            self.now += timedelta(days=1)
            with self.clock():
                run_due()
        self.nobody_gets_a_letter_twice()
        self.two_who_became_one_get_one_copy()
        self.nothing_leaves_after_an_erasure()
        self.a_refusal_counts()
        self.nothing_is_without_a_state_and_a_reason()
        assert not PendingEvent.objects.exists()
        assert not Journey.objects.filter(status__in=("active", "paused")).exists()
        left = Message.objects.filter(state__in=COLUMNS["waiting"] | {"sending"})
        assert not left.exists()
        for message in Message.objects.filter(state="unknown").select_related("contact"):
            is_explained = message.pk in self.abandoned or wish_of(message.address) in IN_DOUBT
            # Of who was erased nobody can tell to whom it went.
            assert is_explained or message.contact_id in self.erased
        queued = Journey.objects.annotate(letters=Count("messages")).exclude(letters=F("messages_queued"))
        assert not queued.exists()


def test_the_promises_hold_in_any_order(provider: SMTPSink, settings: Any) -> None:
    settings.TRIGGERS = {**settings.TRIGGERS, **settings_for(provider), "TURN_BATCH": 50}
    Shop.provider = provider
    run_state_machine_as_test(Shop, settings=SETTINGS)
