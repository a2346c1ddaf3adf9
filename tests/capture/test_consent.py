"""What contacts allow and refuse, once and repeatedly."""

from __future__ import annotations

from typing import Any

import pytest

from tests.build import make_contact
from triggers import consent
from triggers.models import Consent, Contact, Event, OptOut, Suppression, SuppressionReason, Topic
from triggers.suppressions import suppress

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact() -> Contact:
    return make_contact(agrees=False, email="ann@example.com")


@pytest.fixture
def topic() -> Topic:
    return Topic.objects.create(key="carts", name="Carts")


def names() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("name", flat=True))


def test_granting_keeps_the_words_and_where_they_were_said(contact: Contact) -> None:
    consent.grant(contact, "email", source="checkout", text="I want news.")
    given = Consent.objects.get()
    assert (given.channel, given.is_granted, given.source, given.text) == (
        "email",
        True,
        "checkout",
        "I want news.",
    )
    event = Event.objects.get()
    assert (event.name, event.data) == ("consent_granted", {"channel": "email", "source": "checkout"})


def test_there_is_one_word_for_each_channel_the_latest(contact: Contact) -> None:
    consent.grant(contact, "email", source="a", text="old")
    consent.grant(contact, "sms", source="a", text="sms")
    consent.withdraw(contact, "email", source="b")
    assert set(Consent.objects.values_list("channel", "is_granted", "text")) == {
        ("email", False, ""),
        ("sms", True, "sms"),
    }
    assert names() == ["consent_granted", "consent_granted", "consent_withdrawn"]


@pytest.mark.parametrize(("channel", "address"), [("email", "ann@example.com"), ("sms", "+12025550001")])
def test_withdrawing_silences_the_address(contact: Contact, channel: str, address: str) -> None:
    consent.withdraw(contact, channel, source="x" * 500)
    one = Suppression.objects.get()
    assert (one.channel, one.address, one.reason) == (channel, address, SuppressionReason.UNSUBSCRIBED)


def test_withdrawing_again_changes_nothing(contact: Contact) -> None:
    consent.withdraw(contact, "email", source="page")
    said_at = Consent.objects.get().said_at
    consent.withdraw(contact, "email", source="again")
    assert Consent.objects.get().said_at == said_at
    assert Consent.objects.get().source == "page"
    assert names() == ["consent_withdrawn"]
    assert Suppression.objects.count() == 1


def test_without_an_address_there_is_nothing_to_silence() -> None:
    nobody = make_contact(agrees=False, email="")
    Contact.objects.filter(pk=nobody.pk).update(email_key=None)
    nobody.refresh_from_db()
    consent.withdraw(nobody, "email", source="x")
    assert not Suppression.objects.exists()
    assert not Consent.objects.get().is_granted


@pytest.mark.parametrize(
    ("reason", "stays"),
    [("unsubscribed", False), ("bounce", True), ("complaint", True), ("manual", True)],
)
def test_granting_lifts_only_the_contacts_own_refusal(contact: Contact, reason: str, stays: bool) -> None:
    Suppression.objects.create(channel="email", address="ann@example.com", reason=reason)
    Suppression.objects.create(channel="sms", address="+12025550001", reason="unsubscribed")
    consent.grant(contact, "email", source="form", text="yes")
    assert Suppression.objects.filter(channel="email").exists() is stays
    assert Suppression.objects.filter(channel="sms").exists()


def test_withdrawing_keeps_the_graver_reason(contact: Contact) -> None:
    Suppression.objects.create(channel="email", address="ann@example.com", reason="bounce")
    consent.withdraw(contact, "email", source="page")
    assert Suppression.objects.get().reason == SuppressionReason.BOUNCE


def test_opting_out_of_a_topic_once_and_again(contact: Contact, topic: Topic) -> None:
    for _time in range(3):
        consent.opt_out(contact, topic, source="x" * 500)
    assert OptOut.objects.get().contact == contact
    assert names() == ["unsubscribed"]
    assert Event.objects.get().data["topic"] == "carts"
    consent.opt_in(contact, topic)
    consent.opt_in(contact, topic)
    assert not OptOut.objects.exists()


def test_an_address_will_do() -> None:
    consent.grant("new@example.com", "email", source="footer", text="yes")
    assert Consent.objects.get().contact.email == "new@example.com"


@pytest.mark.parametrize("who", [None, "", 5])
def test_nobody_can_agree_to_nothing(who: Any) -> None:
    with pytest.raises(TypeError):
        consent.grant(who, "email", source="x", text="x")


def test_a_channel_that_does_not_exist_changes_nothing(contact: Contact) -> None:
    for say in (
        lambda: consent.grant(contact, "fax", source="x", text="x"),
        lambda: consent.withdraw(contact, "fax", source="x"),
    ):
        with pytest.raises(ValueError, match="fax"):
            say()
    assert not Consent.objects.exists()
    assert not Event.objects.exists()
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("reason", ["bounce", "complaint"])
def test_what_is_wrong_with_an_address_counts_more_than_what_its_owner_said(reason: str) -> None:
    """A bounce of an address that was unsubscribed used to be forgotten: order mail went on to it."""
    suppress("email", "ann@example.com", SuppressionReason.UNSUBSCRIBED)
    suppress("email", "ann@example.com", SuppressionReason(reason), "mailbox is gone")
    suppress("email", "ann@example.com", SuppressionReason.UNSUBSCRIBED)
    one = Suppression.objects.get()
    assert (one.reason, one.note) == (reason, "mailbox is gone")
