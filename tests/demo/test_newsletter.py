from __future__ import annotations

import re

import pytest
from django.core import mail
from django.test import Client

from demo_shop.models import NewsletterSignup
from triggers.models import Consent, Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def link(client: Client) -> str:
    client.post("/newsletter/", {"email": "Gerda@Example.com"})
    found = re.search(r"https://shop\.test(/newsletter/confirm/\S+)", str(mail.outbox[0].body))
    assert found
    return found[1]


def test_asking_alone_is_no_consent(client: Client, link: str) -> None:
    assert mail.outbox[0].to == ["gerda@example.com"]
    assert not Consent.objects.exists()


def test_a_scanner_that_opens_the_link_confirms_nothing(client: Client, link: str) -> None:
    assert client.get(link).status_code == 200
    assert not Consent.objects.exists()


def test_the_button_confirms_once(client: Client, link: str) -> None:
    for _twice in range(2):
        assert "You are in" in client.post(link).content.decode()
    consent = Consent.objects.get()
    assert (consent.contact.email, consent.channel, consent.source) == (
        "gerda@example.com",
        "email",
        "newsletter",
    )
    assert Event.objects.filter(name="newsletter_confirmed").count() == 1


def test_asking_twice_is_one_row_and_two_letters(client: Client, link: str) -> None:
    client.post("/newsletter/", {"email": "gerda@example.com"})
    assert (NewsletterSignup.objects.count(), len(mail.outbox)) == (1, 2)


@pytest.mark.parametrize("token", ["x", "MQ:1aaaaa:bbb", "0" * 2000])
def test_a_false_link_is_not_found(client: Client, token: str) -> None:
    assert client.get(f"/newsletter/confirm/{token}/").status_code == 404
    assert client.post(f"/newsletter/confirm/{token}/").status_code == 404


@pytest.mark.parametrize(
    "email", ["", "x", "a@b.co,c@d.ee", "a@b.co\nBcc: c@d.ee", "\0@b.co", "x" * 400 + "@b.co"]
)
def test_what_is_not_one_address_gets_no_letter(client: Client, email: str) -> None:
    assert client.post("/newsletter/", {"email": email}).status_code == 200
    assert not mail.outbox
