from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from demo_shop import chains
from demo_shop.models import Enquiry, MailboxText, Product
from triggers.contacts import sync_contact
from triggers.models import Consent, Contact, Event, Suppression
from triggers.testing import database_clock, run_due

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


def choices(user: User) -> dict[str, bool]:
    rows = Consent.objects.filter(contact__external_id=str(user.pk))
    return {row.channel: row.is_granted for row in rows}


def test_the_second_checkbox_agrees_to_texts(client: Client) -> None:
    client.post("/account/sign-up/", {**PERSON, "phone": "+49 30 23125142", "wants_texts": "on"})
    user = User.objects.get(username="anna@example.com")
    consent = Consent.objects.get(contact__external_id=str(user.pk))
    assert (consent.channel, consent.is_granted, consent.source) == ("sms", True, "sign-up form")
    assert consent.text == "Send me reminders by SMS. I can change this in my account at any time."
    assert consent.contact.phone == "+493023125142"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("wants", ["on", ""])
def test_only_who_agreed_gets_the_text_about_the_cart(
    client: Client, lamp: Product, settings: Settings, wants: str
) -> None:
    sms = {"default": {"BACKEND": "demo_shop.mailbox.sms.MailboxSMSBackend", "OPTIONS": {}}}
    settings.TRIGGERS = {**settings.TRIGGERS, "SMS_PROVIDERS": sms, "WAIT_SCALE": 1.0}
    chains.install()
    client.post("/account/sign-up/", {**PERSON, "phone": "+49 30 23125142", "wants_texts": wants})
    client.post(f"/cart/add/{lamp.pk}/", {"quantity": 2})
    for hours in (0, 4, 30):
        with database_clock(timezone.now() + timedelta(hours=hours)):
            run_due()
    texts = [(text.recipient, "€80.00" in text.body) for text in MailboxText.objects.all()]
    assert texts == ([("+493023125142", True)] if wants else [])


@pytest.mark.parametrize(
    ("phone", "said"), [("", "Texts need a phone number."), ("12", "not a phone number")]
)
def test_texts_need_a_phone(client: Client, phone: str, said: str) -> None:
    page = client.post("/account/sign-up/", {**PERSON, "phone": phone, "wants_texts": "on"})
    assert [said in error for error in page.context["form"].errors["phone"]] == [True]
    assert not User.objects.exists()


def test_a_number_gets_the_texts_of_one_account(client: Client, customer: User) -> None:
    sync_contact(customer)
    values = {**PERSON, "email": "other@example.com", "phone": "+49 30 23125142"}
    page = client.post("/account/sign-up/", {**values, "wants_texts": "on"})
    assert "another account" in page.context["form"].errors["phone"][0]
    assert client.post("/account/sign-up/", values).status_code == 302, "the courier may call it"


def test_the_account_page_changes_what_comes(customer_client: Client, customer: User) -> None:
    page = customer_client.get("/account/").content.decode()
    assert "checked" not in page
    both = {"phone": "+49 30 23125142", "wants_news": "on", "wants_texts": "on"}
    answer = customer_client.post("/account/", both, follow=True)
    assert "Your choice is saved." in answer.content.decode()
    assert answer.content.decode().count("checked") == 2
    assert choices(customer) == {"email": True, "sms": True}
    customer_client.post("/account/", {**both, "wants_texts": ""})
    assert choices(customer) == {"email": True, "sms": False}
    assert Suppression.objects.get().address == "+493023125142"
    customer_client.post("/account/", both)
    assert choices(customer) == {"email": True, "sms": True}
    assert not Suppression.objects.exists()


def test_saving_the_same_choice_says_nothing_new(customer_client: Client, customer: User) -> None:
    for values in ({"phone": ""}, {"phone": "", "wants_news": "on"}, {"phone": "", "wants_news": "on"}):
        customer_client.post("/account/", values)
    told = Event.objects.filter(name__startswith="consent").values_list("name", flat=True)
    assert list(told) == ["consent_granted"]


def test_a_new_number_is_agreed_to_anew(customer_client: Client, customer: User) -> None:
    Suppression.objects.create(channel="sms", address="+493023125143", reason="unsubscribed")
    for phone in ("+493023125142", "+493023125143"):
        customer_client.post("/account/", {"phone": phone, "wants_texts": "on"})
    assert Contact.objects.get(external_id=str(customer.pk)).phone == "+493023125143"
    assert not Suppression.objects.exists()


def test_texts_without_a_phone_are_refused_on_the_account_page(customer_client: Client) -> None:
    page = customer_client.post("/account/", {"phone": "", "wants_texts": "on"})
    assert page.context["form"].errors["phone"] == ["Texts need a phone number."]
    assert not Consent.objects.exists()


def test_the_sign_up_form_has_one_button(client: Client) -> None:
    page = client.get("/account/sign-up/").content.decode()
    form = page[page.index("<main") : page.index("</main")]
    assert form.count("<button") == 1
    assert form.index("wants_texts") < form.index('name="password"') < form.index("wants_news")
