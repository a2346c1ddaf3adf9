"""Bad events, bad templates, edits, refusals and outages while people are on their way: nobody else is touched."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest
from anymail.signals import AnymailTrackingEvent, tracking
from django.db.models import F
from django.utils import timezone

import triggers
from tests.build import live_chain, make_rule
from tests.faults.conftest import SMTP_FIRST
from tests.faults.scenario import CONCURRENCY, Scenario, names, pass_time
from triggers import consent
from triggers.core.kinds import Admission as Entry
from triggers.delivery.claim import claim
from triggers.delivery.email import Letter, Mailer
from triggers.delivery.lane import Admission, lanes_with_work
from triggers.delivery.record import settle
from triggers.delivery.send import deliver
from triggers.delivery.tally import Tally
from triggers.engine.journeys import retry_failed_events
from triggers.engine.publish import pause_chain, publish, resume_chain
from triggers.engine.turn import turn
from triggers.engine.versions import forget_graphs
from triggers.entries.event import EventEntry
from triggers.models import (
    Chain,
    ChainVersion,
    Contact,
    Event,
    Journey,
    Message,
    PendingEvent,
    Step,
    Suppression,
    Template,
    Transition,
)
from triggers.testing import database_clock, run_due

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.only_on("postgres"),
    SMTP_FIRST,
]
PEOPLE = 8


def only(steps: Sequence[tuple[Any, ...]], **options: Any) -> Chain:
    """A chain instead of the scenario's own."""
    Chain.objects.update(status="draft")
    return live_chain(steps, key="only", **options)


def queue_letters(shop: Scenario, *people: str) -> None:
    """Everybody has entered, nothing has left."""
    shop.fill_carts(*people)
    for contact in Contact.objects.all():
        turn(contact.shard)


def report(message: Message, kind: str, **fields: Any) -> None:
    event = AnymailTrackingEvent(event_type=kind, metadata={"triggers_message": message.uid.hex}, **fields)
    tracking.send(sender=object, event=event, esp_name="Resend")


@pytest.mark.fault("F16")
@pytest.mark.parametrize(
    ("zone", "now", "due"),
    [
        ("Europe/Berlin", "2027-03-27T12:00+00:00", "2027-03-28T01:00+00:00"),
        ("Europe/Berlin", "2027-10-30T12:00+00:00", "2027-10-31T00:30+00:00"),
        ("Not/AZone", "2027-06-01T12:00+00:00", "2027-06-02T02:30+00:00"),
        ("", "2028-02-28T12:00+00:00", "2028-02-29T02:30+00:00"),
        ("", "2027-12-31T12:00+00:00", "2028-01-01T02:30+00:00"),
    ],
    ids=["gap", "fold", "unknown zone", "29 February", "new year"],
)
def test_half_past_two_happens_once_whatever_the_calendar_says(
    quick_shop: Scenario, zone: str, now: str, due: str
) -> None:
    """In a gap the first valid moment after it, in a fold the first of the two."""
    begins, moment = datetime.fromisoformat(now), datetime.fromisoformat(due)
    steps = [("wait", "wait", {"at": "02:30"}), ("reminder", "send_email", {"template": "reminder"})]
    ann = quick_shop.customer("ann", time_zone=zone)
    with database_clock(begins):
        only(steps)
        triggers.capture("add_to_cart", contact=ann)
        run_due()
    # A second letter would be one of the hour that comes twice.
    for wait, received in ((-timedelta(seconds=1), 0), (timedelta(), 1), (timedelta(hours=1), 1)):
        with database_clock(moment + wait):
            run_due()
        assert quick_shop.received("ann") == received


@pytest.mark.fault("F17")
class TestReports:
    def test_a_report_that_overtakes_our_own_result_stays(self, quick_shop: Scenario) -> None:
        """The bounce comes while the sender is still on the line: its late "accepted" does not hide it."""
        queue_letters(quick_shop, "ann")
        (one,) = claim("email.marketing", CONCURRENCY).ready
        message = Message.objects.get(pk=one.id)
        report(message, "bounced")
        assert isinstance(one.payload, Letter)
        with closing(Mailer()) as mailer:
            settle([(one, mailer.send(one.payload), Admission(1))], Tally(one.lane))
        message.refresh_from_db()
        assert message.state == "bounced"
        assert Suppression.objects.count() == 1

    def test_again_in_disorder_and_late(self, quick_shop: Scenario) -> None:
        quick_shop.fill_carts("ann")
        run_due()
        message = Message.objects.get(template_key="reminder")
        for kind in ("opened", "delivered", "sent", "delivered", "bounced", "delivered", "opened"):
            report(message, kind)
        with database_clock(timezone.now() + timedelta(days=7)):
            report(message, "complained")
            report(message, "delivered")
        message.refresh_from_db()
        run_due()
        assert message.state == "complained"
        assert Event.objects.filter(name="email_opened").count() == 1
        assert quick_shop.problems() == []

    def test_about_nobody(self, quick_shop: Scenario) -> None:
        quick_shop.fill_carts("ann")
        run_due()
        before = list(Message.objects.values())
        for metadata in ({}, {"triggers_message": "0" * 32}, {"triggers_message": "' OR 1=1"}, None):
            event = AnymailTrackingEvent(
                event_type="complained", metadata=metadata, recipient="ann@example.com"
            )
            tracking.send(sender=object, event=event, esp_name="Resend")
        assert list(Message.objects.values()) == before
        assert not Suppression.objects.exists()

    def test_settles_what_could_not_be_known(self, quick_shop: Scenario) -> None:
        quick_shop.fill_carts("dropafterdata-1", "dropindata-1")
        run_due()
        assert quick_shop.books()["unknown"] == 4
        for message in Message.objects.filter(contact__email__startswith="dropafterdata"):
            report(message, "delivered")
        assert quick_shop.books()["unknown"] == 2
        assert quick_shop.problems(most_unknown=4) == []
        # One of the two is transactional, and sent once more; that it arrived at last is known from the next report.
        quick_shop.recover()
        assert quick_shop.received("dropindata-1") == 0
        assert quick_shop.received("dropafterdata-1") == 2
        assert quick_shop.problems(most_unknown=4) == []


@pytest.mark.fault("F18")
class TestPoison:
    def test_an_event_that_breaks_its_entry_is_set_aside_and_can_be_replayed(
        self, quick_shop: Scenario, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        admit = EventEntry.admit

        def breaks(self: EventEntry, config: Any, event: Any, scale: float) -> Entry | None:
            if event.data.get("is_poison"):
                raise ValueError("poison")
            return admit(self, config, event, scale)

        quick_shop.fill_carts(*names(PEOPLE))
        bad = quick_shop.customer("bad")
        assert triggers.capture("add_to_cart", contact=bad, data={"is_poison": True})
        quick_shop.believe("bad", True)
        with monkeypatch.context() as patch:
            patch.setattr(EventEntry, "admit", breaks)
            run_due()
            run_due()
        assert "poison" in PendingEvent.objects.get(is_set_aside=True).error
        assert quick_shop.books()["sent"] == 2 * PEOPLE
        assert retry_failed_events(PendingEvent.objects.values_list("pk", flat=True)) == 1
        run_due()
        assert quick_shop.problems() == []

    def test_a_version_of_an_unknown_kind_waits_and_stops_nobody(self, quick_shop: Scenario) -> None:
        live_chain([("wait", "wait", {"amount": 1, "unit": "hours"})], key="other", event="view_item")
        triggers.capture("view_item", contact=quick_shop.customer("ann"))
        run_due()
        version = ChainVersion.objects.get(chain__key="other")
        definition = {
            **version.definition,
            "steps": [{**version.definition["steps"][0], "kind": "of_a_gone_app"}],
        }
        ChainVersion.objects.filter(pk=version.pk).update(definition=definition, sha256="0" * 64)
        forget_graphs()
        quick_shop.fill_carts(*names(PEOPLE))
        pass_time()
        run_due()
        forget_graphs()
        journey = Journey.objects.get(chain__key="other")
        assert (journey.status, journey.step) == ("active", "wait")
        assert "of_a_gone_app" in str(journey.transitions.order_by("-seq")[0].data)
        assert quick_shop.problems() == []

    @pytest.mark.fault("F28")
    def test_a_letter_that_cannot_be_made_fails_alone(self, quick_shop: Scenario, settings: Any) -> None:
        """A template that would never end runs out of its budget; the sender and its neighbours live."""
        settings.TRIGGERS = {**settings.TRIGGERS, "LOOP_BUDGET": 50}
        Template.objects.filter(key="reminder").update(
            html="{% for a in contact.attributes.many %}{% for b in contact.attributes.many %}x{% endfor %}{% endfor %}"
            '<a href="{{ links.unsubscribe }}">no more</a>'
        )
        quick_shop.fill_carts(*names(PEOPLE))
        Contact.objects.filter(email="customer-3@example.com").update(attributes={"many": list(range(100))})
        run_due()
        assert quick_shop.states()["customer-3"] == ["failed", "accepted"]
        assert quick_shop.books()["failed"] == 1
        assert quick_shop.problems() == []


@pytest.mark.fault("F20")
class TestEdits:
    def test_who_waits_finishes_the_version_he_entered(self, quick_shop: Scenario) -> None:
        """The wait is shortened, a step deleted and the rest reordered: who is inside sees none of it."""
        first = [
            ("wait", "wait", {"amount": 3, "unit": "days"}),
            ("reminder", "send_email", {"template": "reminder"}),
            ("thanks", "send_email", {"template": "thanks"}),
        ]
        chain = only(first)
        quick_shop.fill_carts("old")
        run_due()
        Step.objects.filter(chain=chain, key="reminder").delete()
        Step.objects.filter(chain=chain, key="wait").update(config={"amount": 1, "unit": "hours"}, position=9)
        publish(chain)
        with database_clock(timezone.now() + timedelta(hours=2)):
            run_due()
        assert quick_shop.received("old") == 0
        with database_clock(timezone.now() + timedelta(days=3, minutes=1)):
            run_due()
        assert quick_shop.problems() == []
        assert quick_shop.received("old") == 2

    def test_a_pause_stops_within_one_claim_and_loses_nothing(self, quick_shop: Scenario) -> None:
        chain = Chain.objects.get()
        queue_letters(quick_shop, *names(PEOPLE))
        taken = claim("email.marketing", CONCURRENCY)
        pause_chain(chain)
        run_due()
        assert quick_shop.provider.log.read() == []
        assert Message.objects.filter(state="sending").count() == len(taken.ready) == CONCURRENCY
        resume_chain(chain)
        quick_shop.recover()
        assert quick_shop.problems(most_unknown=CONCURRENCY) == []


@pytest.mark.fault("F21")
class TestRefusals:
    """What was committed before the mark counts, however late."""

    @pytest.mark.parametrize("what", ["unsubscribe", "everything", "complaint", "purchase", "gone"])
    def test_between_the_queue_and_the_door(self, quick_shop: Scenario, what: str) -> None:
        only([("reminder", "send_email", {"template": "reminder"})], goals=["purchase"])
        ann = quick_shop.customer("ann")
        triggers.capture("add_to_cart", contact=ann)
        turn(ann.shard)
        message = Message.objects.get()
        assert message.topic
        match what:
            case "unsubscribe":
                consent.opt_out(ann, message.topic, source="test")
            case "everything":
                consent.withdraw(ann, "email", source="test")
            case "complaint":
                Suppression.objects.create(channel="email", address=ann.email_key or "", reason="complaint")
            case "purchase":
                triggers.capture("purchase", contact=ann)
            case "gone":
                ann.email, ann.email_key = "", None
                ann.save()
        deliver("email.marketing")
        message.refresh_from_db()
        assert message.state in ("suppressed", "cancelled")
        assert message.reason
        assert quick_shop.provider.log.read() == []


@pytest.mark.fault("F23")
def test_a_letter_about_an_order_does_not_stand_behind_a_campaign(quick_shop: Scenario) -> None:
    queue_letters(quick_shop, *names(3 * PEOPLE))
    assert lanes_with_work()[0] == "email.transactional"
    deliver(lanes_with_work()[0])
    assert quick_shop.books()["sent"] == 3 * PEOPLE
    assert set(Message.objects.filter(state="queued").values_list("message_class", flat=True)) == {
        "marketing"
    }


@pytest.mark.fault("F24")
def test_a_storm_of_events_is_worked_off_in_small_batches(quick_shop: Scenario) -> None:
    """A hundred times the usual from one contact: one entry, bounded batches, nothing lost."""
    only([("reminder", "send_email", {"template": "reminder"})], re_entry="once")
    ann = quick_shop.customer("ann")
    for _number in range(200):
        triggers.capture("add_to_cart", contact=ann)
    waiting = PendingEvent.objects.count()
    assert turn(ann.shard, seconds=0).events == 5
    assert PendingEvent.objects.count() == waiting - 5
    run_due()
    assert not PendingEvent.objects.exists()
    assert quick_shop.received("ann") == 1


@pytest.mark.fault("F27")
def test_after_an_outage_what_is_worthless_is_skipped_with_its_reason(
    quick_shop: Scenario, settings: Any
) -> None:
    """Three hours without workers: letters that were worth two are not blasted out, the others are."""
    queue_letters(quick_shop, *names(PEOPLE))
    Message.objects.filter(template_key="reminder").update(expires_at=F("created_at") + timedelta(hours=2))
    with database_clock(timezone.now() + timedelta(hours=3)):
        run_due()
    assert set(Message.objects.filter(template_key="reminder").values_list("state", "reason")) == {
        ("expired", "it became worthless before it could leave")
    }
    assert quick_shop.problems() == []
    assert quick_shop.books()["skipped"] == PEOPLE


@pytest.mark.fault("F14", "F27")
def test_after_six_hours_without_a_beat_caps_and_quiet_hours_hold(quick_shop: Scenario) -> None:
    """What became due meanwhile does not come in one heap, nor at night: one letter each, when the quiet hours end."""
    begins = datetime.fromisoformat("2027-06-01T17:00+00:00")
    steps = [
        ("wait", "wait", {"amount": 2, "unit": "hours"}),
        ("letter", "send_email", {"template": "reminder"}),
    ]
    with database_clock(begins):
        only(steps)
        live_chain(steps, key="second")
        make_rule((1, 24), quiet="22:00-08:00")
        people = names(PEOPLE)
        for name in people:
            triggers.capture("add_to_cart", contact=quick_shop.customer(name, time_zone="UTC"))
        run_due()
    assert Journey.objects.filter(status="active").count() == 2 * PEOPLE
    morning = datetime.fromisoformat("2027-06-02T08:00+00:00")
    for moment, received in (
        (begins + timedelta(hours=6, minutes=30), 0),
        (morning - timedelta(seconds=1), 0),
        (morning, 1),
        (morning + timedelta(hours=23), 1),
    ):
        with database_clock(moment):
            run_due()
        assert [quick_shop.received(name) for name in people] == [received] * PEOPLE
    # The other one of each was left out, and its journey says why.
    assert Transition.objects.filter(reason__startswith="Not sent", step="letter").count() == PEOPLE
    assert Message.objects.count() == PEOPLE


@pytest.mark.fault("F14", "F27")
def test_after_two_days_without_a_beat_what_is_too_late_is_left_out(quick_shop: Scenario) -> None:
    begins = datetime.fromisoformat("2027-06-01T10:00+00:00")
    with database_clock(begins):
        only(
            [
                ("wait", "wait", {"amount": 2, "unit": "hours"}),
                ("reminder", "send_email", {"template": "reminder"}),
                ("thanks", "send_email", {"template": "thanks"}),
            ]
        )
        triggers.capture("add_to_cart", contact=quick_shop.customer("ann"))
        run_due()
    with database_clock(begins + timedelta(days=2)):
        run_due()
    assert list(Message.objects.values_list("template_key", "state")) == [("thanks", "accepted")]
    assert Journey.objects.get().status == "finished"
    reasons = Transition.objects.filter(step="reminder").values_list("reason", flat=True)
    assert [reason for reason in reasons if "late" in reason]
