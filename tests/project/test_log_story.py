"""A whole story with everything that can go wrong in it leaves no address, number or name of a person in any log."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from anymail.signals import AnymailTrackingEvent, tracking
from django.contrib.auth.models import User
from django.core.mail.backends.base import BaseEmailBackend
from django.db import IntegrityError, transaction
from django.test import Client

import triggers
from tests.build import Tree, live_chain, make_contact, make_template
from triggers.control import pause_everything, resume_everything
from triggers.delivery.reconcile import reconcile
from triggers.links import unsubscribe_url
from triggers.logs import note
from triggers.models import Contact, Message
from triggers.shop import ContactRef, ShopAdapter
from triggers.signals import message_sending, message_settled
from triggers.testing import run_due

pytestmark = pytest.mark.django_db

SECRETS = ("ann.lee", "bob.ray", "12025550177", "Annabella", "Raymond")
# Tracebacks quote lines of the source, so no line that fails may name them.
WRONG = "bob.ray@@example.com"
LETTERS: Tree = [
    ("letter", "send_email", {"template": "reminder"}),
    ("text", "send_sms", {"template": "code"}),
]
HAS_A_CART = {"condition": {"kind": "shop_fact", "fact": "cart.count", "op": "gte", "value": 1}}
ASKS: Tree = [("ask", "condition", HAS_A_CART, {"yes": [("a", "exit", {})], "no": [("b", "exit", {})]})]


class Repeats(ShopAdapter):
    """A shop that breaks, with the customer's address in its error."""

    def load_facts(self, names: Sequence[str], contacts: Sequence[ContactRef]) -> dict[int, dict[str, Any]]:
        raise KeyError(contacts[0].email)


class Complains(BaseEmailBackend):
    """A mail server that repeats the address in its answer."""

    def send_messages(self, email_messages: Sequence[Any]) -> int:
        raise ValueError(f"no such user {email_messages[0].to}")


def breaks(message: Message, **kwargs: Any) -> None:
    raise RuntimeError(f"{message.contact.email} {message.contact.phone}")


@pytest.fixture
def receivers() -> Iterator[None]:
    for signal in (message_sending, message_settled):
        signal.connect(breaks)
    yield
    for signal in (message_sending, message_settled):
        signal.disconnect(breaks)


def test_no_log_names_a_person(
    caplog: pytest.LogCaptureFixture, receivers: None, settings: Any, client: Client
) -> None:
    settings.TRIGGERS = {
        **settings.TRIGGERS,
        "SHOP_ADAPTER": f"{__name__}.Repeats",
        "EMAIL_ACCOUNTS": {"default": {"BACKEND": f"{__name__}.Complains", "OPTIONS": {}}},
    }
    with caplog.at_level(logging.DEBUG, "triggers"):
        ann = make_contact(email="ann.lee@example.com", phone="+12025550177", first_name="Annabella")
        make_contact(2, email="bob.ray@example.com", last_name="Raymond")
        make_template()
        make_template("code", channel="sms", text="{{ cart.total }}")
        live_chain(LETTERS)
        live_chain(ASKS, key="asks")
        for person in (ann, "bob.ray@example.com"):
            triggers.capture("add_to_cart", contact=person)
        triggers.capture(ann.email, contact=ann)
        triggers.capture("add_to_cart", contact=WRONG)
        triggers.capture("login", contact=ann, data={ann.email: b"x"})
        with transaction.atomic():
            User.objects.create_user("annlee", "bob.ray@example.com", first_name="Annabella")
        run_due()
        message = Message.objects.filter(contact=ann, channel="email").get()
        for kind in ("bounced", "complained", "clicked"):
            report = AnymailTrackingEvent(
                event_type=kind,
                metadata={"triggers_message": str(message.uid)},
                recipient="ann.lee@example.com",
                description="ann.lee@example.com is gone",
            )
            tracking.send(sender=object, event=report, esp_name="Test")
        client.post(unsubscribe_url(message.uid), {"do": "all"})
        pause_everything("Annabella complained")
        reconcile()
        resume_everything()
        run_due()
        _clash(ann)
    # Django reports receivers that break in its own words, through its own logger.
    ours = [record for record in caplog.records if record.name.startswith("triggers")]
    said = "\n".join(f"{logging.Formatter().format(one)} {vars(one)}" for one in ours)
    assert [secret for secret in SECRETS if secret in said] == []
    actions = {getattr(record, "action", None) for record in ours}
    assert None not in actions
    assert actions >= {
        "event.not_captured",
        "turn.done",
        "shop.failed",
        "receiver.failed",
        "message.settled",
        "lane.sent",
        "everything.paused",
        "backup.reconciled",
        "everything.resumed",
        "contact.clashed",
    }


def _clash(ann: Contact) -> None:
    """An error of the database, which repeats the address on most."""
    try:
        with transaction.atomic():
            Contact.objects.create(email=ann.email, email_key=ann.email_key)
    except IntegrityError as error:
        note(logging.getLogger("triggers.test"), logging.ERROR, "contact.clashed", error=error)
