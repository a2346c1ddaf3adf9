from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from pytest_django import Settings

from demo_shop.models import Enquiry, Product
from triggers.models import Consent, Contact, Event

pytestmark = pytest.mark.django_db

PERSON = {"first_name": "Anna", "last_name": "Weber", "email": "Anna@Example.com", "password": "lampenlicht9"}


def test_signing_up_makes_a_contact_with_everything_we_know(client: Client) -> None:
    client.post("/account/sign-up/", {**PERSON, "phone": "+49 30 23125142", "wants_news": "on"})
    user = User.objects.get(username="anna@example.com")
    contact = Contact.objects.get(external_id=str(user.pk))
    assert (contact.email, contact.first_name, contact.phone, contact.language) == (
        "anna@example.com", "Anna", "+493023125142", "en",
    )  # fmt: skip
    consent = Consent.objects.get(contact=contact)
    assert (consent.channel, consent.is_granted, consent.source) == ("email", True, "sign-up form")
    assert consent.text == "Send me news and reminders by e-mail. I can unsubscribe at any time."
    assert set(Event.objects.values_list("name", flat=True)) == {"sign_up", "login", "consent_granted"}
    assert client.get("/account/").status_code == 200


def test_without_the_checkbox_there_is_no_consent(client: Client) -> None:
    client.post("/account/sign-up/", PERSON)
    assert not Consent.objects.exists()


def test_signing_up_takes_the_cart_along(client: Client, lamp: Product) -> None:
    client.post(f"/cart/add/{lamp.pk}/", {"quantity": 2})
    client.post("/account/sign-up/", PERSON)
    assert Event.objects.get(name="add_to_cart").data["value"] == 80


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "anna"), ("email", "x" * 200 + "@example.com"), ("email", "taken@example.com"), ("email", "TAKEN@example.com"),
        ("password", "short"), ("password", "password123"), ("first_name", ""), ("first_name", "\0"), ("phone", "12"),
    ],
)  # fmt: skip
def test_bad_details_are_named(client: Client, settings: Settings, field: str, value: str) -> None:
    checks = ("MinimumLengthValidator", "CommonPasswordValidator")
    settings.AUTH_PASSWORD_VALIDATORS = [
        {"NAME": f"django.contrib.auth.password_validation.{name}"} for name in checks
    ]
    User.objects.create_user("taken@example.com", "taken@example.com")
    page = client.post("/account/sign-up/", {**PERSON, field: value})
    assert page.status_code == 200
    assert field in page.context["form"].errors
    assert User.objects.count() == 1


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)"])
@pytest.mark.parametrize("page", ["sign-up", "log-in"])
def test_nobody_is_sent_to_a_strangers_page(client: Client, customer: User, target: str, page: str) -> None:
    known = {"username": "anna@example.com", "password": "lampenlicht9"}
    values = known if page == "log-in" else {**PERSON, "email": "new@example.com"}
    answer = client.post(f"/account/{page}/", {**values, "next": target})
    assert answer.url in ("/", "/account/")  # type: ignore[attr-defined]


def test_a_forgotten_password(client: Client, customer: User) -> None:
    client.post("/account/password/", {"email": customer.email}, headers={"host": "evil.example"})
    letter = mail.outbox[0]
    link = re.search(r"https://shop\.test(/account/password/\S+)", str(letter.body))
    assert link, letter.body
    form = client.get(link[1], follow=True)
    path = form.redirect_chain[-1][0]
    client.post(path, {"new_password1": "another-lamp-7", "new_password2": "another-lamp-7"})
    assert client.login(username=customer.username, password="another-lamp-7")
    assert "used already" in Client().get(link[1], follow=True).content.decode()


def test_my_orders_need_a_login(client: Client) -> None:
    assert client.get("/account/").url == "/account/log-in/?next=/account/"  # type: ignore[attr-defined]


def test_an_enquiry_is_a_lead(client: Client) -> None:
    client.post(
        "/contact/",
        {"name": "Gerda", "email": "G@example.com", "subject": "Dark corner", "text": "Which lamp?"},
    )
    enquiry = Enquiry.objects.get()
    event = Event.objects.get(name="generate_lead")
    assert (event.contact.email, event.object_ref) == ("g@example.com", f"enquiry:{enquiry.pk}")


def test_an_enquiry_of_five_thousand_characters_is_too_long(client: Client) -> None:
    values = {"name": "Gerda", "email": "g@example.com", "subject": "Dark corner", "text": "x" * 5000}
    assert "text" in client.post("/contact/", values).context["form"].errors
