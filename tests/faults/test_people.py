"""Two contacts become one, or one is erased, while they are on their way: beside workers, and killed at every commit."""

from __future__ import annotations

import pytest

import triggers
from tests.faults.scenario import CONCURRENCY, Scenario, pass_time
from tests.processes import wait_for
from triggers.crashpoints import EXIT_STATUS
from triggers.delivery.claim import claim
from triggers.engine.erase import erase_contact
from triggers.engine.leftovers import finish_leftovers
from triggers.engine.merge import merge_contacts
from triggers.engine.merge_journeys import SECOND_COPY
from triggers.engine.turn import turn
from triggers.models import Contact, Event, Journey, Leftover, Message, MessageBody, PendingEvent
from triggers.testing import run_due

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.only_on("postgres"),
    pytest.mark.parametrize("provider", ["smtp"], indirect=True),
]

PAIR = ("ann", "anna")
ADDRESSES = tuple(f"{name}@example.com" for name in PAIR)


def queue_letters(shop: Scenario, *people: str) -> list[Contact]:
    """They have entered, and their letters wait at the door."""
    contacts = [shop.customer(name) for name in people]
    for contact in contacts:
        assert triggers.capture("add_to_cart", contact=contact)
        turn(contact.shard)
    return contacts


def assert_one_of_each(shop: Scenario) -> None:
    """Of each letter one copy left, for the address that stayed."""
    left = Message.objects.filter(state="accepted").values_list("template_key", "contact__email")
    assert sorted(left) == [("reminder", ADDRESSES[0]), ("thanks", ADDRESSES[0])]
    assert shop.received("ann") == 2
    assert shop.received("anna") == 0


@pytest.mark.fault("F22")
class TestMerge:
    def test_between_the_queue_and_the_door(self, shop: Scenario) -> None:
        merge_contacts(*queue_letters(shop, *PAIR))
        shop.recover()
        assert_one_of_each(shop)

    def test_what_a_sender_holds_is_the_copy(self, shop: Scenario) -> None:
        """The sender took both letters of the one contact; the other's copies stay where they are."""
        pair = queue_letters(shop, "ann")
        for lane in ("email.marketing", "email.transactional"):
            assert len(claim(lane, CONCURRENCY).ready) == 1
        pair += queue_letters(shop, "anna")
        merge_contacts(*pair)
        run_due()
        assert sorted(Message.objects.values_list("state", flat=True)) == [
            "cancelled",
            "cancelled",
            *["sending"] * 2,
        ]
        shop.recover()
        assert shop.received("anna") == 0
        # The transactional letter is sent once more after the doubt, the marketing letter never.
        assert shop.received("ann") == 1

    @pytest.mark.parametrize("point", ["merge.before_commit", "merge.after_commit"])
    def test_killed(self, shop: Scenario, point: str) -> None:
        queue_letters(shop, *PAIR)
        assert shop.deed("merge", *ADDRESSES, at=point).returncode == EXIT_STATUS
        is_done = point == "merge.after_commit"
        assert Contact.objects.filter(merged_into__isnull=False).exists() == is_done
        # Said again by whoever saw no answer.
        assert shop.deed("merge", *ADDRESSES).returncode == 0
        assert Event.objects.filter(name="contact_merged").count() == 1
        shop.recover()
        assert_one_of_each(shop)

    @pytest.mark.parametrize("point", ["leftover.before_commit:2", "leftover.after_commit:2"])
    def test_killed_while_the_rest_of_many_events_moves(self, shop: Scenario, point: str) -> None:
        _kept, gone = queue_letters(shop, *PAIR)
        for _each in range(5):
            triggers.capture("page_view", contact=gone)
        count = Event.objects.filter(contact=gone).count()
        assert shop.deed("merge", *ADDRESSES, "2", at=point).returncode == EXIT_STATUS
        assert 0 < Event.objects.filter(contact=gone).count() < count
        assert finish_leftovers()
        assert not Event.objects.filter(contact=gone).exists()
        assert not Leftover.objects.exists()
        shop.recover()
        assert not PendingEvent.objects.exists()
        assert_one_of_each(shop)

    def test_beside_two_workers(self, shop: Scenario) -> None:
        """Turns and senders run all the while: nobody gets a second copy, and nothing that was captured is lost."""
        pairs = [(f"a-{number}", f"b-{number}") for number in range(12)]
        people = [[shop.customer(name) for name in pair] for pair in pairs]
        workers = [shop.start("triggers_run") for _ in range(2)]
        try:
            for number, (kept, gone) in enumerate(people):
                for contact in (kept, gone):
                    assert triggers.capture("add_to_cart", contact=contact)
                if number % 2:
                    wait_for(
                        lambda contact=gone: Journey.objects.filter(contact=contact).exists(),  # type: ignore[misc]
                        "nobody entered",
                    )
                merge_contacts(kept, gone)
                # Read before the merge.
                assert triggers.capture("page_view", contact=gone)
            wait_for(lambda: not PendingEvent.objects.exists(), "events were not matched")
        finally:
            for worker in workers:
                worker.terminate()
                worker.communicate(timeout=60)
        shop.recover()
        assert not Event.objects.filter(contact__merged_into__isnull=False).exists()
        assert Event.objects.filter(name="page_view").count() == len(pairs)
        assert not Journey.objects.filter(status__in=("active", "paused", "failed")).exists()
        for kept, _gone in people:
            letters = Message.objects.filter(contact=kept)
            # One passage after another may send each letter again, one beside the other may not.
            passages = Journey.objects.filter(contact=kept, status="finished").count()
            for key in ("reminder", "thanks"):
                states = list(letters.filter(template_key=key).values_list("state", flat=True))
                assert set(states) <= {"accepted", "cancelled"}
                assert len(states) == passages
                assert "accepted" in states
        assert set(Message.objects.filter(state="cancelled").values_list("reason", flat=True)) <= {
            SECOND_COPY
        }


@pytest.mark.fault("F21")
class TestErase:
    def test_between_the_queue_and_the_door(self, shop: Scenario) -> None:
        (ann,) = queue_letters(shop, "ann")
        erase_contact(ann)
        shop.recover()
        assert shop.received("ann") == 0
        assert set(Message.objects.values_list("state", flat=True)) == {"cancelled"}

    def test_what_a_sender_holds_is_recorded(self, shop: Scenario) -> None:
        (ann,) = queue_letters(shop, "ann")
        assert claim("email.marketing", CONCURRENCY).ready
        erase_contact(ann)
        pass_time()
        shop.recover()
        assert shop.received("ann") == 0
        assert sorted(Message.objects.values_list("state", flat=True)) == ["cancelled", "unknown"]

    @pytest.mark.parametrize("point", ["erase.before_commit", "erase.after_commit"])
    def test_killed(self, shop: Scenario, point: str) -> None:
        """Before the commit nothing is half gone; after it nothing leaves."""
        (ann,) = queue_letters(shop, "ann")
        assert shop.deed("erase", ADDRESSES[0], at=point).returncode == EXIT_STATUS
        ann.refresh_from_db()
        is_done = point == "erase.after_commit"
        assert (ann.email == "") == is_done
        shop.recover()
        assert shop.received("ann") == (0 if is_done else 2)
        assert MessageBody.objects.exists() != is_done

    @pytest.mark.parametrize("point", ["leftover.before_commit:2", "leftover.after_commit:2"])
    def test_killed_while_the_rest_of_many_events_is_emptied(self, shop: Scenario, point: str) -> None:
        (ann,) = queue_letters(shop, "ann")
        for _each in range(6):
            triggers.capture("page_view", contact=ann, data={"q": "secret"})
        assert shop.deed("erase", ADDRESSES[0], "2", at=point).returncode == EXIT_STATUS
        assert Event.objects.filter(data={"q": "secret"}).exists()
        # What looks after everything once a minute goes on with it.
        shop.work()
        assert not Event.objects.filter(data={"q": "secret"}).exists()
        assert not Leftover.objects.exists()

    def test_beside_workers(self, shop: Scenario) -> None:
        """Whatever they were doing: what was not with the provider when it was erased never leaves."""
        people = [shop.customer(f"person-{number}") for number in range(12)]
        worker = shop.start("triggers_run")
        try:
            for person in people:
                assert triggers.capture("add_to_cart", contact=person)
                erase_contact(person)
        finally:
            worker.terminate()
            worker.communicate(timeout=60)
        received = {f"person-{number}": shop.received(f"person-{number}") for number in range(12)}
        shop.recover()
        assert {name: shop.received(name) for name in received} == received
        assert not Message.objects.filter(state__in=("queued", "held", "sending")).exists()
        assert not Journey.objects.filter(active_slot=1).exists()
