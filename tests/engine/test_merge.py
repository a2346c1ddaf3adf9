"""Two contacts become one: everything of the one is the other's, nothing is sent twice, nothing is lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

import triggers
from tests.build import live_chain, make_contact, make_rule, make_template
from triggers import consent
from triggers.addresses import parse_email
from triggers.batch.people import Person, contacts_of
from triggers.contacts import contact_for, sync_contact
from triggers.engine import leftovers
from triggers.engine.leftovers import finish_leftovers
from triggers.engine.merge import merge_contacts
from triggers.engine.turn import turn
from triggers.exceptions import MergeRefused
from triggers.identity import claim
from triggers.models import (
    Chain,
    Consent,
    Contact,
    ContactTag,
    EntryLedger,
    Event,
    Journey,
    Leftover,
    Message,
    OptOut,
    PendingEvent,
    Topic,
    Transition,
    Visitor,
)
from triggers.testing import database_clock, run_due

pytestmark = pytest.mark.django_db

WAIT = ("wait", "wait", {"amount": 1, "unit": "days"})
LETTER = ("reminder", "send_email", {"template": "reminder"})
LAST = ("last", "send_email", {"template": "last"})


def two(**gone: Any) -> tuple[Contact, Contact]:
    return make_contact(1), make_contact(2, **gone)


def capture(contact: Contact, name: str = "add_to_cart", **more: Any) -> None:
    assert triggers.capture(name, contact=contact, **more)


def a_day_later() -> None:
    with database_clock(timezone.now() + timedelta(hours=25)):
        run_due()


def turns() -> None:
    """Journeys move, nothing leaves."""
    for _step in range(4):
        turn(*range(64))


class TestWhoIsIt:
    def test_gaps_are_filled_and_what_is_known_stays(self) -> None:
        kept = make_contact(1, phone=None, first_name="Anna", attributes={"size": "S"})
        gone = make_contact(
            2, first_name="Ann", last_name="Lind", external_id="7", attributes={"size": "L", "shoe": 39}
        )
        merge_contacts(kept, gone)
        kept.refresh_from_db()
        gone.refresh_from_db()
        assert (kept.first_name, kept.last_name, kept.external_id) == ("Anna", "Lind", "7")
        assert (kept.email, kept.phone) == ("person1@example.com", "+12025550002")
        assert kept.attributes == {"size": "S", "shoe": 39}
        assert (gone.first_name, gone.phone, gone.external_id, gone.attributes) == ("", None, None, {})

    def test_the_second_address_leads_to_who_stayed(self) -> None:
        """It used to make a new contact, and so the same person twice again."""
        kept, gone = two()
        merge_contacts(kept, gone)
        assert contact_for("person2@example.com") == contact_for(Contact.objects.get(pk=gone.pk)) == kept
        assert Contact.objects.filter(merged_into=None).count() == 1

    def test_two_users_of_the_shop_are_refused_unless_they_are_meant(self) -> None:
        users = [User.objects.create_user(f"user{number}") for number in range(2)]
        kept, gone = (sync_contact(user) for user in users)
        with pytest.raises(MergeRefused, match="two customers of the shop"):
            merge_contacts(kept, gone)
        assert Event.objects.filter(contact=gone).exists()
        merge_contacts(kept, gone, joins_accounts=True)
        assert [contact_for(User.objects.get(pk=user.pk)) for user in users] == [kept, kept]

    def test_the_login_of_the_account_that_went_changes_nothing(self) -> None:
        """It used to give the contact the other account's name and address, to and fro with each login."""
        users = [
            User.objects.create_user(f"user{number}", f"user{number}@example.com") for number in range(2)
        ]
        kept, gone = (sync_contact(user) for user in users)
        merge_contacts(kept, gone, joins_accounts=True)
        assert sync_contact(User.objects.get(pk=users[1].pk)) == kept
        kept.refresh_from_db()
        assert kept.email == "user0@example.com"
        assert contact_for("user1@example.com") == kept

    def test_a_user_who_takes_his_old_address_gets_it(self) -> None:
        user = User.objects.create_user("ann", email="person1@example.com")
        kept = sync_contact(user)
        merge_contacts(kept, make_contact(2))
        user.email = "person2@example.com"
        assert sync_contact(user).email == "person2@example.com"
        assert contact_for("person2@example.com") == kept

    def test_one_who_leads_to_the_other_that_goes_is_taken_along(self) -> None:
        first, second, third = (make_contact(number) for number in range(3))
        merge_contacts(second, third)
        merge_contacts(first, second)
        third.refresh_from_db()
        assert third.merged_into == first
        assert contact_for("person2@example.com") == first

    def test_a_batch_that_names_the_old_address_means_who_stayed(self) -> None:
        """What a caller of the API said of the old address used to be written to the row that only leads on."""
        kept, gone = two(external_id="7")
        merge_contacts(kept, gone)
        named = Person(email=parse_email("person2@example.com"), details={"first_name": "Ann"})
        as_user = Person(external_id="7", email=parse_email("person2@example.com"))
        assert contacts_of([named, as_user]) == [kept, kept]
        kept.refresh_from_db()
        gone.refresh_from_db()
        assert (kept.first_name, kept.email, kept.external_id) == ("Ann", "person1@example.com", "7")
        assert (gone.first_name, gone.email) == ("", "person2@example.com")

    def test_a_browser_of_the_one_is_the_others(self) -> None:
        kept, gone = two()
        visitor = Visitor.objects.create(
            contact=gone, first_seen_at=gone.created_at, last_seen_at=gone.created_at
        )
        merge_contacts(kept, gone)
        assert claim(visitor, kept)
        assert Visitor.objects.get(ended_at=None).contact == kept

    def test_again_and_backwards_changes_nothing(self) -> None:
        kept, gone = two()
        assert merge_contacts(kept, gone).is_new
        assert not merge_contacts(kept, gone).is_new
        assert not merge_contacts(gone, kept).is_new
        assert Event.objects.filter(name="contact_merged").get().contact == kept

    def test_not_with_itself(self) -> None:
        with pytest.raises(MergeRefused):
            merge_contacts(make_contact(), Contact.objects.get())


class TestWords:
    @pytest.mark.parametrize(
        ("mine", "theirs", "their_address", "says"),
        [
            (True, False, True, False),  # a later no wins
            (False, True, True, False),  # a later yes was for another address
            (None, True, True, None),
            (None, True, False, None),
            (None, False, True, False),
        ],
    )
    def test_the_latest_word_counts_and_no_consent_is_made_up(
        self, mine: bool | None, theirs: bool, their_address: bool, says: bool | None
    ) -> None:
        kept, gone = make_contact(1, agrees=False), make_contact(2, agrees=False)
        say(kept, mine, days_ago=2)
        say(gone, theirs, days_ago=1)
        merge_contacts(kept, gone)
        found = Consent.objects.filter(channel="email").first()
        assert (found.is_granted if found else None) == says
        assert not Consent.objects.filter(contact=gone).exists()

    def test_a_yes_comes_along_with_its_address(self) -> None:
        kept = make_contact(1, agrees=False, email="", phone=None)
        Contact.objects.filter(pk=kept.pk).update(email_key=None)
        gone = make_contact(2, agrees=False)
        say(gone, True, days_ago=1)
        merge_contacts(kept, gone)
        assert Consent.objects.get(channel="email").is_granted
        assert Contact.objects.get(pk=kept.pk).email == "person2@example.com"

    def test_an_older_no_does_not_beat_a_yes(self) -> None:
        kept, gone = make_contact(1, agrees=False), make_contact(2, agrees=False)
        say(gone, False, days_ago=2)
        say(kept, True, days_ago=1)
        merge_contacts(kept, gone)
        assert Consent.objects.get(contact=kept, channel="email").is_granted

    def test_refused_topics_and_tags_are_joined(self) -> None:
        kept, gone = two()
        for number, topic in enumerate(Topic.objects.create(key=name, name=name) for name in "ab"):
            for contact in (kept, gone)[number:]:
                consent.opt_out(contact, topic, source="test")
        for contact, name in ((kept, "vip"), (gone, "vip"), (gone, "new")):
            ContactTag.objects.create(contact=contact, name=name)
        merge_contacts(kept, gone)
        assert OptOut.objects.filter(contact=kept).count() == OptOut.objects.count() == 2
        assert sorted(ContactTag.objects.values_list("contact", "name")) == [
            (kept.pk, "new"),
            (kept.pk, "vip"),
        ]

    def test_a_word_that_is_said_to_who_is_gone_is_heard(self) -> None:
        """A page that was opened before the merge still holds the other contact."""
        kept, gone = two()
        merge_contacts(kept, gone)
        topic = Topic.objects.create(key="news", name="News")
        consent.opt_out(gone, topic, source="test")
        consent.withdraw(gone, "email", source="test")
        assert OptOut.objects.get().contact == kept
        assert not Consent.objects.get(channel="email").is_granted
        consent.opt_in(gone, topic)
        assert not OptOut.objects.exists()


def say(contact: Contact, agrees: bool | None, days_ago: int) -> None:
    if agrees is None:
        return
    moment = timezone.now() - timedelta(days=days_ago)
    Consent.objects.create(contact=contact, channel="email", is_granted=agrees, said_at=moment, source="test")


class TestEvents:
    def test_all_of_them_move_and_are_matched_in_the_shard_of_who_stays(self) -> None:
        live_chain([WAIT])
        kept, gone = two()
        capture(gone, "page_view")
        capture(gone)
        merge_contacts(kept, gone)
        assert not Event.objects.filter(contact=gone).exists()
        assert set(PendingEvent.objects.values_list("shard", flat=True)) == {kept.shard}
        run_due()
        assert Journey.objects.get().contact == kept

    def test_one_that_was_captured_beside_the_merge_is_handed_on(self) -> None:
        """The shop's request had read the contact before; what it was told is recorded must not be lost."""
        live_chain([WAIT])
        kept, gone = two()
        merge_contacts(kept, Contact.objects.get(pk=gone.pk))
        # Read before the merge: it does not know.
        assert gone.merged_into_id is None
        capture(gone)
        assert Event.objects.filter(contact=gone).exists()
        run_due()
        assert not Event.objects.filter(contact=gone).exists()
        assert Journey.objects.get().contact == kept
        assert not PendingEvent.objects.exists()

    def test_very_many_are_moved_in_slices(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The lock on both shards used to be held for as long as the largest contact took."""
        monkeypatch.setattr(leftovers, "MOST_AT_ONCE", 3)
        monkeypatch.setattr(leftovers, "SLICE", 2)
        monkeypatch.setattr(leftovers, "SECONDS", 0)
        live_chain([WAIT])
        kept, gone = two()
        for _each in range(8):
            capture(gone)
        before = set(
            Event.objects.filter(contact=gone).order_by("-recorded_at").values_list("pk", flat=True)[:3]
        )
        assert merge_contacts(kept, gone).events == 3
        assert before <= set(Event.objects.filter(contact=kept).values_list("pk", flat=True))
        assert finish_leftovers(seconds=0) == 2
        assert Leftover.objects.get().contact == gone
        finish_leftovers(seconds=60)
        assert not Event.objects.filter(contact=gone).exists()
        assert not Leftover.objects.exists()
        run_due()
        assert Journey.objects.get().contact == kept
        assert not PendingEvent.objects.exists()


class TestJourneys:
    def test_one_who_is_alone_in_a_chain_goes_on_in_the_other_shard(self) -> None:
        make_template()
        live_chain([LETTER, WAIT])
        kept, gone = two()
        capture(gone)
        turns()
        merge_contacts(kept, gone)
        journey = Journey.objects.get()
        assert (journey.contact, journey.shard, journey.status) == (kept, kept.shard, "active")
        run_due()
        assert Message.objects.get().address == kept.email

    def test_a_journey_that_was_due_for_long_is_found_in_the_other_shard(self) -> None:
        """A worker that had seen the shard's index up to now used to pass it over for five minutes."""
        make_template()
        live_chain([WAIT, LETTER])
        kept, gone = two()
        with database_clock(timezone.now() - timedelta(hours=25)):
            Chain.objects.update(activated_at=timezone.now() - timedelta(hours=30))
            capture(gone)
            turns()
        assert Journey.objects.get(due_at__lt=timezone.now()).contact == gone
        # The shard of who stays has been seen up to now.
        capture(kept)
        turn(kept.shard)
        Journey.objects.filter(contact=kept).update(active_slot=None, status="exited", due_at=None)
        EntryLedger.objects.filter(contact=kept).delete()
        merge_contacts(kept, gone)
        turn(kept.shard)
        assert Message.objects.get().contact == kept

    @pytest.mark.parametrize("sender", [0, 1])
    def test_of_two_the_one_that_has_queued_goes_on(self, sender: int) -> None:
        make_template()
        make_template("last")
        live_chain([LETTER, WAIT, LAST])
        pair = two()
        capture(pair[sender])
        run_due()
        capture(pair[1 - sender])
        turns()
        assert sorted(Message.objects.values_list("state", flat=True)) == ["accepted", "queued"]
        done = merge_contacts(*pair)
        assert (done.journeys.ended, done.journeys.cancelled) == (1, 1)
        survivor = Journey.objects.get(status="active")
        assert survivor.contact == pair[0]
        assert Message.objects.get(state="accepted").journey == survivor
        reasons = Transition.objects.filter(journey__status="exited").values_list("reason", flat=True)
        assert any("became one" in reason for reason in reasons)
        a_day_later()
        assert Message.objects.filter(state="accepted", step="reminder").count() == 1
        assert Message.objects.filter(state="accepted", step="last").count() == 1

    def test_a_letter_that_the_other_has_sent_does_not_leave_again(self) -> None:
        """Both have queued it, one is at the provider: whichever goes on, the other copy stays."""
        make_template()
        live_chain([LETTER, WAIT])
        pair = two()
        for contact in pair:
            capture(contact)
        turns()
        Message.objects.filter(contact=pair[1]).update(state="sending", attempt=1)
        assert merge_contacts(*pair).journeys.cancelled == 1
        assert sorted(Message.objects.values_list("state", flat=True)) == ["cancelled", "sending"]
        # The provider did not take it: the one copy may be tried again.
        Message.objects.filter(state="sending").update(state="queued")
        run_due()
        assert sorted(Message.objects.values_list("state", flat=True)) == ["accepted", "cancelled"]

    def test_a_copy_that_comes_back_from_the_provider_does_not_leave_again(self) -> None:
        make_template()
        live_chain([LETTER, WAIT])
        pair = two()
        for contact in pair:
            capture(contact)
        turns()
        Message.objects.filter(contact=pair[0]).update(state="accepted", attempt=1)
        Message.objects.filter(contact=pair[1]).update(state="sending", attempt=1)
        merge_contacts(*pair)
        Message.objects.filter(state="sending").update(state="queued")
        run_due()
        assert sorted(Message.objects.values_list("state", flat=True)) == ["accepted", "cancelled"]

    def test_the_confirmation_of_another_order_leaves(self) -> None:
        make_template(message_class="transactional")
        live_chain([LETTER, WAIT], event="purchase", re_entry="per_object")
        pair = two()
        for number, contact in enumerate(pair):
            capture(contact, "purchase", object_ref=f"order:{number}")
        turns()
        assert merge_contacts(*pair).journeys.ended == 1
        run_due()
        assert set(Message.objects.values_list("state", "address")) == {("accepted", pair[0].email)}
        assert Message.objects.count() == 2

    @pytest.mark.parametrize("first", [0, 1])
    def test_once_is_once(self, first: int) -> None:
        """The one has been through, the other has just entered: the person does not get it all again."""
        make_template()
        live_chain([LETTER, WAIT], re_entry="once")
        pair = two()
        capture(pair[first])
        run_due()
        a_day_later()
        entered = EntryLedger.objects.get().entered_at
        capture(pair[1 - first])
        turns()
        merge_contacts(*pair)
        run_due()
        assert sorted(Journey.objects.values_list("status", flat=True)) == ["exited", "finished"]
        assert sorted(Message.objects.values_list("state", flat=True)) == ["accepted", "cancelled"]
        assert EntryLedger.objects.get().entered_at == entered
        capture(pair[0])
        run_due()
        assert Journey.objects.count() == 2

    def test_caps_count_the_letters_of_both(self) -> None:
        make_rule((1, 24), on_hit="put_off")
        make_template()
        make_template("last")
        live_chain([LETTER, WAIT])
        live_chain([LAST, WAIT], key="other")
        pair = two()
        for contact in pair:
            capture(contact)
            turns()
        merge_contacts(*pair)
        run_due()
        assert sorted(Message.objects.values_list("state", flat=True)).count("accepted") == 1
