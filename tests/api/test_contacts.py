"""Contacts over HTTP: brought up to date, with consents that lift nothing."""

from __future__ import annotations

from datetime import date

import pytest

from tests.api.conftest import Caller
from triggers import consent
from triggers.models import Consent, Contact, Event, Suppression

ANN = {"email": "ann@example.com"}
AGREED = {"consents": {"email": {"source": "till", "text": "Send me news."}}}


def test_made_and_changed(caller: Caller) -> None:
    first, second = caller.results(
        "contacts",
        {
            "contacts": [
                {
                    **ANN,
                    "external_id": "5",
                    "birthday": "1990-02-28",
                    "time_zone": "Europe/Berlin",
                    "attributes": {"a": 1},
                },
                {"external_id": "5", "language": "de", "phone": "+12025550123", "attributes": {"b": [1]}},
            ]
        },
    )
    assert first == second
    contact = Contact.objects.get(uid=first["id"])
    assert (contact.external_id, contact.email, contact.phone) == ("5", "ann@example.com", "+12025550123")
    assert (contact.birthday, contact.time_zone, contact.language) == (
        date(1990, 2, 28),
        "Europe/Berlin",
        "de",
    )
    assert contact.attributes == {"a": 1, "b": [1]}


def test_a_consent_with_its_source_and_text(caller: Caller) -> None:
    caller.results("contacts", {**ANN, **AGREED})
    said = Consent.objects.get()
    assert (said.channel, said.is_granted, said.source, said.text) == ("email", True, "till", "Send me news.")
    assert Event.objects.get().name == "consent_granted"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"email": {"source": "till"}}, "consents.email.text"),
        ({"email": {"source": " ", "text": "yes"}}, "consents.email.source"),
        ({"email": {"source": "till", "text": "\0"}}, "consents.email.text"),
        ({"email": True}, "consents.email"),
        ({"fax": {"source": "till", "text": "yes"}}, "consents.fax"),
        (True, "consents"),
    ],
    ids=str,
)
def test_without_them_there_is_none(caller: Caller, given: object, field: str) -> None:
    (result,) = caller.results("contacts", {**ANN, "consents": given})
    assert result["status"] == "refused"
    assert result["error"]["field"].startswith(field)
    assert not Consent.objects.exists()
    assert not Contact.objects.exists()


@pytest.mark.parametrize("reason", ["unsubscribed", "bounce", "complaint", "manual"])
def test_no_suppression_is_ever_lifted(caller: Caller, reason: str) -> None:
    Suppression.objects.create(channel="email", address="ann@example.com", reason=reason)
    caller.results("contacts", {**ANN, **AGREED})
    assert Suppression.objects.get().reason == reason


def test_whoever_withdrew_stays_suppressed(caller: Caller) -> None:
    consent.grant("ann@example.com", "email", source="form", text="yes")
    consent.withdraw("ann@example.com", "email", source="page")
    caller.results("contacts", {**ANN, **AGREED})
    assert Suppression.objects.get().reason == "unsubscribed"


def test_another_systems_yes_overwrites_no_withdrawal(caller: Caller) -> None:
    """It used to: only the old address was suppressed then, and the next one got marketing."""
    consent.grant("ann@example.com", "email", source="form", text="yes")
    consent.withdraw("ann@example.com", "email", source="page")
    caller.results("contacts", {**ANN, **AGREED})
    assert Consent.objects.get(channel="email").is_granted is False


def test_the_same_yes_again_is_no_new_one(caller: Caller) -> None:
    for _night in range(3):
        caller.results("contacts", {**ANN, **AGREED})
    granted = Event.objects.filter(name="consent_granted")
    assert granted.count() == len(AGREED["consents"])


def test_known_and_unknown_get_the_same_answer(caller: Caller) -> None:
    caller.results("contacts", ANN)
    known, unknown = caller.results("contacts", {"contacts": [ANN, {"email": "ben@example.com"}]})
    assert set(known) == set(unknown)
    assert known["status"] == unknown["status"]
