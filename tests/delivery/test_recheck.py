"""What stops a message at the door, each with its state and its words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.core import mail
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from tests.build import live_chain, make_contact, make_template
from tests.delivery.conftest import QueueMessage
from triggers import consent
from triggers.consent import address_key
from triggers.core.words import say
from triggers.delivery import claim as claiming
from triggers.delivery.send import deliver
from triggers.models import Contact, Journey, Message, Suppression, Template, Topic
from triggers.shop import Cart, ContactRef, ShopAdapter

pytestmark = pytest.mark.django_db


def never_agreed(contact: Contact) -> None:
    contact.consents.all().delete()


def withdrew(contact: Contact) -> None:
    consent.withdraw(contact, "email", source="test")


def opted_out(contact: Contact) -> None:
    consent.opt_out(contact, Topic.objects.get(), source="test")


def bounced(contact: Contact) -> None:
    Suppression.objects.create(channel="email", address=address_key(contact, "email"), reason="bounce")


def complained(contact: Contact) -> None:
    Suppression.objects.create(channel="email", address=address_key(contact, "email"), reason="complaint")


def has_no_address(contact: Contact) -> None:
    Contact.objects.update(email="", email_key=None)


NO_CONSENT = "the contact has not agreed to marketing by e-mail"


@pytest.mark.parametrize(
    ("what", "marketing", "transactional"),
    [
        (never_agreed, NO_CONSENT, ""),
        (withdrew, "the address is suppressed: unsubscribed from everything", ""),
        (opted_out, "the contact has unsubscribed from “News”", ""),
        (bounced, "the address is suppressed: hard bounce", "the address is suppressed: hard bounce"),
        (complained, "the address is suppressed: complaint", "the address is suppressed: complaint"),
        (
            has_no_address,
            "the contact has no address for this channel",
            "the contact has no address for this channel",
        ),
    ],
)
@pytest.mark.parametrize("message_class", ["marketing", "transactional"])
def test_who_gets_nothing(
    queue_message: QueueMessage,
    what: Callable[[Contact], None],
    marketing: str,
    transactional: str,
    message_class: str,
) -> None:
    template = make_template(message_class=message_class)
    contact = make_contact()
    what(contact)
    message = queue_message(contact, template)
    deliver(message.lane)
    message.refresh_from_db()
    expected = marketing if message_class == "marketing" else transactional
    assert say(message.reason, message.reason_data) == expected
    assert message.state == ("suppressed" if expected else "accepted")
    assert len(mail.outbox) == (0 if expected else 1)


def test_a_message_past_its_time_is_not_sent(queue_message: QueueMessage) -> None:
    message = queue_message(expires_at=timezone.now() - timedelta(seconds=1))
    deliver(message.lane)
    message.refresh_from_db()
    assert message.state == "expired"
    assert not mail.outbox


def test_agreeing_again_lifts_ones_own_refusal_but_no_bounce() -> None:
    contact = make_contact()
    withdrew(contact)
    consent.grant(contact, "email", source="test", text="yes")
    assert not Suppression.objects.exists()
    bounced(contact)
    consent.grant(contact, "email", source="test", text="yes")
    assert Suppression.objects.exists()


def test_one_letter_that_cannot_be_made_stops_no_other(queue_message: QueueMessage) -> None:
    bad = make_template("bad", subject="Hello {{ contact.first_name }}")
    good = queue_message()
    failing = queue_message(make_contact(7, first_name=""), bad)
    gone = queue_message(make_contact(8), bad)
    Message.objects.filter(pk=gone.pk).update(template_key="deleted")
    deliver(good.lane)
    for message in (good, failing, gone):
        message.refresh_from_db()
    assert (good.state, failing.state, gone.state) == ("accepted", "failed", "failed")
    assert "first_name" in say(failing.reason, failing.reason_data)
    assert "the template was deleted" in say(gone.reason, gone.reason_data)


class BreaksForOne(ShopAdapter):
    """A shop whose carts cannot be read for one contact."""

    victim = ""

    def carts(self, contacts: Sequence[ContactRef]) -> dict[int, Cart]:
        if any(contact.email == self.victim for contact in contacts):
            raise KeyError("cart")
        return {}


def test_a_shop_that_cannot_be_asked_puts_only_its_letters_off(
    queue_message: QueueMessage, settings: Any
) -> None:
    """It used to end the sender, with the message first in its lane for ever."""
    settings.TRIGGERS = {**settings.TRIGGERS, "SHOP_ADAPTER": f"{__name__}.BreaksForOne"}
    template = make_template("cart", html="<p>{% if cart %}{{ cart.count }}{% endif %}Hello</p>")
    unlucky, lucky = queue_message(template=template), queue_message(template=template)
    BreaksForOne.victim = unlucky.contact.email
    deliver(lucky.lane)
    unlucky.refresh_from_db()
    lucky.refresh_from_db()
    assert (lucky.state, unlucky.state, unlucky.attempt) == ("accepted", "queued", 1)
    assert unlucky.send_after > timezone.now()
    assert say(unlucky.reason, unlucky.reason_data) == "the shop's data could not be read, attempt 1"


class AsksTheDatabase(ShopAdapter):
    """A shop whose own query fails for one contact."""

    victim = ""

    def carts(self, contacts: Sequence[ContactRef]) -> dict[int, Cart]:
        if any(contact.email == self.victim for contact in contacts):
            with connection.cursor() as cursor:
                cursor.execute("SELECT no_such_column FROM triggers_shard")
        return {}


class AnotherDatabaseIsAway(BreaksForOne):
    """A shop with a second database, which says the same as ours would."""

    def carts(self, contacts: Sequence[ContactRef]) -> dict[int, Cart]:
        try:
            return super().carts(contacts)
        except KeyError as error:
            raise OperationalError("connection refused") from error


@pytest.mark.parametrize("adapter", [AsksTheDatabase, AnotherDatabaseIsAway])
def test_a_failed_query_of_the_shop_puts_only_its_letters_off(
    queue_message: QueueMessage, settings: Any, adapter: Any
) -> None:
    """It used to be taken for the loss of our own database: the claim was given up, again and again."""
    settings.TRIGGERS = {**settings.TRIGGERS, "SHOP_ADAPTER": f"{__name__}.{adapter.__name__}"}
    template = make_template("cart", html="<p>{% if cart %}{{ cart.count }}{% endif %}Hello</p>")
    unlucky, lucky = queue_message(template=template), queue_message(template=template)
    adapter.victim = unlucky.contact.email
    deliver(lucky.lane)
    unlucky.refresh_from_db()
    lucky.refresh_from_db()
    assert (lucky.state, unlucky.state, unlucky.attempt) == ("accepted", "queued", 1)


def test_the_loss_of_our_own_database_blames_no_letter(queue_message: QueueMessage) -> None:
    message = queue_message()
    with (
        patch.object(connection, "savepoint_rollback", side_effect=OperationalError("server has gone away")),
        patch.object(claiming, "letter_contexts", side_effect=OperationalError("server has gone away")),
        pytest.raises(OperationalError),
    ):
        deliver(message.lane)
    transaction.set_rollback(False)
    message.refresh_from_db()
    assert (message.state, message.attempt) == ("queued", 0)


def test_a_message_without_its_contact_ends(queue_message: QueueMessage) -> None:
    """Its lane used to take it, find nothing to do, and take it again until the run was over."""
    orphan, other = queue_message(), queue_message()
    Message.objects.filter(pk=orphan.pk).update(contact_id=10**9)
    result = deliver(other.lane)
    assert (result.looked_at, result.accepted) == (2, 1)
    row = Message.objects.values("state", "reason").get(pk=orphan.pk)
    assert row == {"state": "cancelled", "reason": "the contact was deleted"}


def test_nothing_leaves_for_a_journey_that_took_its_messages_back(queue_message: QueueMessage) -> None:
    """A letter that was with a sender then, and came back to the queue, used to leave."""
    make_template()
    chain = live_chain([("letter", "send_email", {"template": "reminder"}), ("x", "exit", {})])
    contact = make_contact()
    now = timezone.now()
    journey = Journey(shard=0, chain=chain, version=chain.live_version, contact=contact, step="letter")
    journey.since = journey.entered_at = journey.ended_at = now
    journey.status, journey.active_slot, journey.is_called_back = "exited", None, True
    journey.save()
    message = queue_message(contact, journey=journey, attempt=1)
    deliver(message.lane)
    message.refresh_from_db()
    assert (message.state, say(message.reason, message.reason_data)) == (
        "cancelled",
        "the journey through the chain ended before it left",
    )
    assert not mail.outbox


def test_a_corrected_template_reaches_messages_that_are_already_queued(queue_message: QueueMessage) -> None:
    message = queue_message()
    Template.objects.update(subject="Corrected")
    deliver(message.lane)
    assert mail.outbox[0].subject == "Corrected"


def test_the_number_of_statements_does_not_grow_with_the_claim(
    queue_message: QueueMessage, django_assert_num_queries: object, settings: object
) -> None:
    from django.test.utils import CaptureQueriesContext

    from triggers.delivery.claim import claim

    counts = []
    for size in (1, 5, 10):
        messages = [queue_message() for _ in range(size)]
        with CaptureQueriesContext(connection) as queries:
            claim(messages[0].lane, 10)
        counts.append(len(queries))
    assert counts[0] == counts[1] == counts[2]
