"""A contact is erased: nothing more leaves, and no table says who it was."""

from __future__ import annotations

from typing import Any

import pytest
from anymail.signals import AnymailTrackingEvent, tracking
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core import mail
from django.db import connection
from django.test import Client

import triggers
from tests.build import live_chain, make_contact, make_template
from triggers import consent
from triggers.contacts import contact_for
from triggers.delivery.claim import claim
from triggers.delivery.lane import Admission
from triggers.delivery.outcome import Outcome
from triggers.delivery.record import settle
from triggers.delivery.retry import retry_messages
from triggers.delivery.tally import Tally
from triggers.engine import leftovers
from triggers.engine.erase import erase_contact
from triggers.engine.leftovers import finish_leftovers
from triggers.engine.merge import merge_contacts
from triggers.engine.turn import turn
from triggers.exceptions import MergeRefused
from triggers.models import (
    Contact,
    ContactTag,
    Event,
    Journey,
    Leftover,
    Message,
    PendingEvent,
    Suppression,
    SuppressionReason,
    Topic,
    Trait,
)
from triggers.suppressions import find_suppressions, suppress
from triggers.testing import run_due

pytestmark = pytest.mark.django_db

WAIT = ("wait", "wait", {"amount": 1, "unit": "days"})
LETTER = ("reminder", "send_email", {"template": "reminder"})
# Stands in every place where something personal may stand.
MARK = "xyzzy"
TABLES = {
    *(
        "triggers_contact",
        "triggers_contacttag",
        "triggers_consent",
        "triggers_optout",
        "triggers_suppression",
    ),
    *(
        "triggers_event",
        "triggers_journey",
        "triggers_transition",
        "triggers_message",
        "triggers_messagebody",
    ),
    "django_admin_log",
}


def marked() -> Contact:
    """A contact with its mark everywhere."""
    return make_contact(
        agrees=False,
        email=f"{MARK}@example.com",
        phone="+12025550777",
        first_name=MARK,
        last_name=MARK,
        external_id=MARK,
        language=MARK[:5],
        time_zone=MARK,
        attributes={MARK: [MARK]},
    )


def search(*marks: str) -> list[str]:
    """Every column of every table of the database where one of these stands, as `table.column`."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            names = [column[0] for column in cursor.description]
            found += [
                f"{table}.{name}"
                for row in cursor.fetchall()
                for name, value in zip(names, row, strict=True)
                if any(mark in str(value) for mark in marks)
            ]
    return sorted(set(found))


def fill_everything(contact: Contact, boss: Client) -> None:
    """A life in the shop: events, letters, refusals, words of consent, tags, the admin's history."""
    topic, _is_new = Topic.objects.get_or_create(key="other", defaults={"name": "Other"})
    make_template(
        "reminder",
        subject="Hello {{ contact.first_name }}",
        html="<p>{{ contact.first_name }}</p>{{ links.unsubscribe }}",
    )
    # Says in its reason what it saw.
    asked = {"kind": "contact_field", "field": "first_name", "op": "eq", "value": "Ann"}
    live_chain([("ask", "condition", {"condition": asked}, {"yes": [], "no": [LETTER, WAIT]})])
    consent.grant(contact, "email", source=MARK, text=MARK)
    consent.opt_out(contact, topic, source=MARK)
    ContactTag.objects.create(contact=contact, name=MARK)
    Trait.objects.create(contact=contact, kind="brand", value=MARK, score=1.0, rank=1)
    suppress("sms", contact.phone or "", SuppressionReason.MANUAL, MARK)
    triggers.capture("add_to_cart", contact=contact, data={"name": MARK}, object_ref=f"cart:{MARK}")
    run_due()
    triggers.capture("page_view", contact=contact, data={"q": MARK})
    page = f"/admin/triggers/contact/{contact.pk}/change/"
    forms = {
        f"{name}-{kind}_FORMS": "0"
        for name in ("tags", "consents", "opt_outs")
        for kind in ("TOTAL", "INITIAL")
    }
    answer = boss.post(
        page,
        forms
        | {
            "attributes": f'{{"{MARK}": 1}}',
            "first_name": MARK,
            "email": contact.email,
            "phone": contact.phone,
        },
    )
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    kind = ContentType.objects.get_for_model(Suppression)
    LogEntry.objects.create(
        user=User.objects.get(), content_type=kind, object_id=str(Suppression.objects.get().pk),
        object_repr=str(Suppression.objects.get()), action_flag=CHANGE, change_message=MARK,
    )  # fmt: skip


@pytest.fixture
def boss() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    return client


class TestNothingStays:
    def test_no_table_knows_the_person_any_more(self, boss: Client) -> None:
        contact = marked()
        fill_everything(contact, boss)
        before = search(MARK, "2025550777")
        assert {place.partition(".")[0] for place in before} >= TABLES
        events, letters = Event.objects.count(), Message.objects.count()
        erase_contact(contact)
        assert search(MARK, "2025550777") == []
        # What happened is still counted.
        assert Event.objects.filter(contact=contact).count() == events
        assert set(Event.objects.values_list("name", flat=True)) >= {"add_to_cart", "page_view"}
        assert Message.objects.get(state="accepted").accepted_at
        assert Message.objects.count() == letters
        assert not PendingEvent.objects.exists()

    def test_who_was_merged_into_it_goes_as_well(self, boss: Client) -> None:
        contact, other = make_contact(1), marked()
        fill_everything(other, boss)
        merge_contacts(contact, other)
        assert search(MARK)
        erase_contact(other)
        assert search(MARK, "person1") == []
        assert Contact.objects.get(pk=contact.pk).erased_at

    def test_what_is_captured_beside_it_is_emptied(self) -> None:
        """The shop's request had read the contact before."""
        live_chain([WAIT])
        contact = marked()
        erase_contact(contact)
        triggers.capture("add_to_cart", contact=contact, data={"name": MARK}, object_ref=MARK)
        run_due()
        assert search(MARK) == []
        assert not Journey.objects.exists()
        assert not PendingEvent.objects.exists()

    def test_many_events_are_emptied_in_slices(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(leftovers, "MOST_AT_ONCE", 3)
        monkeypatch.setattr(leftovers, "SLICE", 2)
        monkeypatch.setattr(leftovers, "SECONDS", 0)
        contact = marked()
        for _each in range(8):
            triggers.capture("page_view", contact=contact, data={"q": MARK})
        erase_contact(contact)
        assert Event.objects.filter(data={}).count() == 5
        assert Leftover.objects.exists()
        finish_leftovers(60)
        assert search(MARK) == []
        assert not Leftover.objects.exists()

    def test_what_a_merge_had_not_moved_yet_is_emptied(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(leftovers, "MOST_AT_ONCE", 1)
        monkeypatch.setattr(leftovers, "SLICE", 1)
        monkeypatch.setattr(leftovers, "SECONDS", 0)
        contact, other = make_contact(1, agrees=False), marked()
        for _each in range(5):
            triggers.capture("page_view", contact=other, data={"q": MARK})
        merge_contacts(contact, other)
        erase_contact(contact)
        assert search(MARK)
        finish_leftovers(60)
        assert search(MARK) == []

    def test_again_changes_nothing(self) -> None:
        contact = marked()
        assert erase_contact(contact).is_new
        assert not erase_contact(contact).is_new
        with pytest.raises(MergeRefused, match="erased"):
            merge_contacts(make_contact(2), contact)


class TestNothingLeaves:
    def test_what_is_queued_is_cancelled(self) -> None:
        make_template()
        live_chain([LETTER, WAIT])
        contact = make_contact()
        triggers.capture("add_to_cart", contact=contact)
        for _step in range(2):
            turn(contact.shard)
        done = erase_contact(contact)
        assert (done.journeys, done.messages) == (1, 1)
        run_due()
        assert mail.outbox == []
        assert Message.objects.get().state == "cancelled"
        assert Journey.objects.get().status == "exited"

    @pytest.mark.parametrize(
        ("outcome", "state"),
        [
            (Outcome("accepted", provider_id="p1"), "accepted"),
            (Outcome("not_sent", detail="to +12025550777 later"), "cancelled"),
            (Outcome("refused", detail="no xyzzy@example.com"), "failed"),
            (Outcome("unknown", detail="xyzzy@example.com?"), "unknown"),
        ],
    )
    def test_what_is_at_the_provider_is_recorded(self, outcome: Outcome, state: str) -> None:
        make_template()
        live_chain([LETTER, WAIT])
        contact = marked()
        consent.grant(contact, "email", source="test", text="yes")
        triggers.capture("add_to_cart", contact=contact)
        for _step in range(2):
            turn(contact.shard)
        (one,) = claim("email.marketing", 1).ready
        erase_contact(contact)
        settle([(one, outcome, Admission(1))], Tally(one.lane))
        Message.objects.filter(state="queued").update(send_after=contact.created_at)
        run_due()
        assert Message.objects.get().state == state
        assert mail.outbox == []
        assert search(MARK, "2025550777") == []

    def test_a_report_about_it_still_counts(self) -> None:
        make_template()
        live_chain([LETTER, WAIT])
        contact = marked()
        consent.grant(contact, "email", source="test", text="yes")
        triggers.capture("add_to_cart", contact=contact)
        run_due()
        erase_contact(contact)
        uid = Message.objects.get().uid.hex
        for kind in ("opened", "bounced"):
            event = AnymailTrackingEvent(
                event_type=kind, metadata={"triggers_message": uid}, description=f"no {MARK}@example.com"
            )
            tracking.send(sender=object, event=event, esp_name="Resend")
        run_due()
        assert Message.objects.get().state == "bounced"
        assert search(MARK) == []

    def test_nobody_sends_it_again_by_hand(self) -> None:
        make_template()
        contact = make_contact()
        live_chain([LETTER, WAIT])
        triggers.capture("add_to_cart", contact=contact)
        run_due()
        Message.objects.update(state="failed")
        mail.outbox.clear()
        erase_contact(contact)
        retry_messages(Message.objects.values_list("pk", flat=True))
        run_due()
        assert mail.outbox == []


class TestWhoComesBack:
    def test_is_somebody_new_without_consent(self) -> None:
        contact = marked()
        consent.grant(contact, "email", source="test", text="yes")
        erase_contact(contact)
        found = contact_for(f"{MARK}@example.com")
        assert found is not None
        assert found.pk != contact.pk
        assert not found.consents.exists()

    def test_gets_marketing_only_after_a_new_word_of_his_own(self) -> None:
        make_template()
        live_chain([LETTER])
        erase_contact(marked())
        found = make_contact(9, agrees=False, email=f"{MARK}@example.com")
        # As an import would have it.
        found.consents.create(channel="email", is_granted=True, said_at=found.created_at, source="import")
        triggers.capture("add_to_cart", contact=found)
        run_due()
        assert Message.objects.get().state == "suppressed"
        consent.grant(found, "email", source="form", text="yes")
        triggers.capture("add_to_cart", contact=found)
        run_due()
        assert [one.to for one in mail.outbox] == [[f"{MARK}@example.com"]]

    def test_gets_letters_about_his_new_order(self) -> None:
        make_template(message_class="transactional")
        live_chain([LETTER])
        erase_contact(marked())
        triggers.capture("add_to_cart", contact=f"{MARK}@example.com")
        run_due()
        assert len(mail.outbox) == 1


class TestFingerprints:
    KEY = "email", f"{MARK}@example.com"

    def reason(self) -> Any:
        return find_suppressions([self.KEY[1]]).get(self.KEY)

    def test_a_new_secret_key_knows_them_while_the_old_one_is_a_fallback(self, settings: Any) -> None:
        erase_contact(marked())
        old = settings.SECRET_KEY
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [old]
        assert self.reason() == "erased"
        settings.SECRET_KEY_FALLBACKS = []
        assert self.reason() is None

    @pytest.mark.parametrize(
        ("was", "stays"), [("bounce", "bounce"), ("complaint", "complaint"), ("unsubscribed", "erased")]
    )
    def test_what_was_wrong_with_the_address_stays(self, was: Any, stays: str) -> None:
        contact = marked()
        suppress(*self.KEY, was, "why")
        erase_contact(contact)
        assert self.reason() == stays
        assert search(MARK) == []

    def test_a_bounce_of_who_comes_back_counts_without_the_address(self) -> None:
        erase_contact(marked())
        suppress(*self.KEY, SuppressionReason.UNSUBSCRIBED, "x")
        assert self.reason() == "erased"
        suppress(*self.KEY, SuppressionReason.BOUNCE, "x")
        assert self.reason() == "bounce"
        assert search(MARK) == []

    def test_an_address_that_is_somebody_elses_by_now_stays_open(self) -> None:
        contact = make_contact(1)
        message = Message.objects.create(
            contact=contact, channel="email", message_class="marketing", lane="email.marketing", template_key="x",
            address="Person2@example.com", state="accepted", created_at=contact.created_at, send_after=contact.created_at,
        )  # fmt: skip
        make_contact(2)
        erase_contact(contact)
        message.refresh_from_db()
        assert message.address == ""
        assert not find_suppressions(["person2@example.com"])
