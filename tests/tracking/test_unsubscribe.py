"""The unsubscribe page: looking changes nothing, one POST does, and only the token decides whose page it is."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.signing import Signer
from django.test import Client, override_settings
from django.utils import timezone

from tests.build import make_contact
from triggers import consent
from triggers.links import UNSUBSCRIBE, read_unsubscribe_token, unsubscribe_url
from triggers.models import Consent, Contact, Event, Message, OptOut, Suppression, Topic

pytestmark = pytest.mark.django_db
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def contact() -> Contact:
    made = make_contact(email="ann@example.com")
    Event.objects.all().delete()
    return made


@pytest.fixture
def message(contact: Contact) -> Message:
    topic = Topic.objects.create(key="carts", name="Carts & <b>more</b>")
    return make_message(contact, topic=topic)


def make_message(contact: Contact, **fields: Any) -> Message:
    now = timezone.now()
    given = {
        "channel": "email",
        "message_class": "marketing",
        "lane": "email.marketing",
        "state": "accepted",
    } | fields
    return Message.objects.create(contact=contact, template_key="x", created_at=now, send_after=now, **given)


def page_of(message: Message) -> str:
    return urlsplit(unsubscribe_url(message.uid)).path


def traces() -> tuple[Any, ...]:
    """Everything that unsubscribing could write."""
    return (
        *Event.objects.values_list("name", flat=True),
        *OptOut.objects.values_list("contact", "topic"),
        *Suppression.objects.values_list("address", "reason"),
        *Consent.objects.order_by("pk").values_list("channel", "is_granted", "said_at"),
    )


@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_looking_changes_nothing(client: Client, message: Message, method: str) -> None:
    """Scanners open every link of a letter."""
    before = traces()
    for query in ("", "?do=topic", "?do=all", "?List-Unsubscribe=One-Click"):
        assert getattr(client, method)(page_of(message) + query).status_code == 200
    assert traces() == before


@pytest.mark.parametrize("method", ["put", "patch", "delete", "trace"])
def test_other_methods_are_refused(client: Client, message: Message, method: str) -> None:
    before = traces()
    assert getattr(client, method)(page_of(message)).status_code == 405
    assert traces() == before


@pytest.mark.parametrize(
    "request_body",
    [
        {"data": "List-Unsubscribe=One-Click", "content_type": "application/x-www-form-urlencoded"},
        {"data": ONE_CLICK},
        {
            "data": "List-Unsubscribe=One-Click&more=x",
            "content_type": "application/x-www-form-urlencoded; charset=utf-8",
        },
    ],
    ids=["urlencoded", "multipart", "with a charset"],
)
def test_one_click(client: Client, message: Message, request_body: dict[str, Any]) -> None:
    """RFC 8058: no redirect, no cookie, no page to look at."""
    response = client.post(page_of(message), **request_body)
    assert (response.status_code, response.content) == (200, b"OK")
    assert not response.cookies
    one = OptOut.objects.get()
    assert (one.contact, one.topic, one.source) == (message.contact, message.topic, "one-click unsubscribe")
    assert list(Event.objects.values_list("name", flat=True)) == ["unsubscribed"]


@pytest.mark.parametrize("body", [ONE_CLICK, {"do": "topic"}, {"do": "all"}])
def test_repeated_it_changes_nothing_more(client: Client, message: Message, body: dict[str, str]) -> None:
    client.post(page_of(message), body)
    before = traces()
    assert client.post(page_of(message), body).status_code == 200
    assert traces() == before


def test_the_topic_only(client: Client, message: Message) -> None:
    response = client.post(page_of(message), {"do": "topic"})
    assert "You will get no more messages about" in response.content.decode()
    assert OptOut.objects.count() == 1
    assert not Suppression.objects.exists()
    assert Consent.objects.filter(channel="email", is_granted=True).exists()


def test_everything(client: Client, message: Message) -> None:
    assert client.post(page_of(message), {"do": "all"}).status_code == 200
    assert Suppression.objects.get().address == "ann@example.com"
    assert set(Consent.objects.values_list("channel", "is_granted")) == {("email", False), ("sms", True)}


def test_a_mistake_can_be_undone(client: Client, message: Message) -> None:
    client.post(page_of(message), {"do": "topic"})
    assert "Welcome back" in client.post(page_of(message), {"do": "undo"}).content.decode()
    assert not OptOut.objects.exists()


@pytest.mark.parametrize("body", [{}, {"do": ""}, {"do": "nonsense"}, {"List-Unsubscribe": "Two-Clicks"}])
def test_a_button_that_does_not_exist_changes_nothing(
    client: Client, message: Message, body: dict[str, str]
) -> None:
    before = traces()
    assert client.post(page_of(message), body).status_code == 200
    assert traces() == before


def test_without_a_topic_the_whole_channel_ends(client: Client, contact: Contact) -> None:
    message = make_message(contact, channel="sms")
    assert b'value="topic"' not in client.get(page_of(message)).content
    client.post(page_of(message), ONE_CLICK)
    assert Suppression.objects.get().address == contact.phone
    assert client.post(page_of(message), {"do": "undo"}).status_code == 200


def spoiled(token: str) -> dict[str, str]:
    uid, _dot, signature = token.partition(".")
    return {
        "cut off": token[:-1],
        "only the id": uid,
        "no signature": f"{uid}.",
        "one letter changed": token[:-1] + ("A" if token[-1] != "A" else "B"),
        "another id": f"{uuid4().hex}.{signature}",
        "something behind": f"{token}x",
        "signed for nothing": UNSUBSCRIBE.sign("not-an-id"),
        "of a message that is gone": UNSUBSCRIBE.sign(uuid4().hex),
        "script": "%3Cscript%3Ealert(1)",
        "NUL": "a%00b.c",
        "not UTF-8": "%FF%FE.%ED%A0%80",
        "long": "x" * 5000,
    }


@pytest.mark.parametrize("how", spoiled("a.b"))
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_spoiled_token_is_a_page_that_says_so(
    client: Client, message: Message, how: str, method: str
) -> None:
    token = page_of(message).rstrip("/").rpartition("/")[2]
    spoilt = spoiled(token)[how]
    before = traces()
    response = getattr(client, method)(f"/triggers/unsubscribe/{spoilt}/", ONE_CLICK)
    assert response.status_code == 404
    assert traces() == before
    text = response.content.decode()
    assert "This link does not work" in text
    assert spoilt not in text
    assert "alert(1)" not in text
    assert token not in text
    assert "<form" not in text


def test_a_token_opens_this_page_only() -> None:
    uid = uuid4()
    token = urlsplit(unsubscribe_url(uid)).path.rstrip("/").rpartition("/")[2]
    assert read_unsubscribe_token(token) == uid
    assert read_unsubscribe_token(Signer(salt="triggers.another page", sep=".").sign(uid.hex)) is None


def test_the_link_is_built_from_the_setting_and_not_from_the_request() -> None:
    for base in ("https://lamps.example", "https://lamps.example/"):
        with override_settings(TRIGGERS={"BASE_URL": base}):
            assert unsubscribe_url(uuid4()).startswith("https://lamps.example/triggers/unsubscribe/")


def assert_private(response: Any) -> None:
    assert {"no-store", "private"} <= {one.strip() for one in response["Cache-Control"].split(",")}
    assert response["Referrer-Policy"] == "no-referrer"
    assert response["X-Robots-Tag"] == "noindex"


def test_headers_keep_the_token_to_itself(client: Client, message: Message) -> None:
    assert_private(client.get(page_of(message)))
    assert_private(client.post(page_of(message), {"do": "topic"}))
    assert_private(client.post(page_of(message), ONE_CLICK))
    assert_private(client.get("/triggers/unsubscribe/nonsense/"))


def test_it_works_without_cookies_and_without_a_csrf_token(message: Message) -> None:
    strict = Client(enforce_csrf_checks=True)
    response = strict.post(page_of(message), {"do": "topic"})
    assert response.status_code == 200
    assert OptOut.objects.exists()
    assert not strict.cookies


def test_somebody_elses_session_does_not_matter(client: Client, message: Message) -> None:
    client.force_login(User.objects.create_user("eve", "eve@example.com"))
    client.post(page_of(message), ONE_CLICK)
    assert OptOut.objects.get().contact == message.contact


@override_settings(MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware",
                               "django.contrib.auth.middleware.AuthenticationMiddleware",
                               "django.contrib.auth.middleware.LoginRequiredMiddleware"])  # fmt: skip
def test_a_shop_that_demands_a_login_everywhere_does_not_demand_it_here(
    client: Client, message: Message
) -> None:
    assert client.post(page_of(message), ONE_CLICK).status_code == 200


def test_names_are_escaped(client: Client, message: Message) -> None:
    text = client.get(page_of(message)).content.decode()
    assert "Carts &amp; &lt;b&gt;more&lt;/b&gt;" in text
    assert "<b>more" not in text
    assert "ann@example.com" not in text, "a forwarded letter must not tell the address"


@pytest.mark.parametrize(
    ("language", "shown"), [("ru", "ru"), ("", "en"), ("xx", "xx"), ("../..", "../.."), ('"><script>', None)]
)
def test_the_page_speaks_the_contacts_language(
    client: Client, message: Message, language: str, shown: str | None
) -> None:
    """Whatever the browser says; a language that does not exist is no error."""
    Contact.objects.update(language=language)
    response = client.get(page_of(message), headers={"accept-language": "en"})
    text = response.content.decode()
    assert response.status_code == 200
    assert "<script" not in text
    assert shown is None or f'<html lang="{shown}"' in text


@pytest.mark.parametrize(
    "body",
    [
        {"data": b"\xff\xfe", "content_type": "application/x-www-form-urlencoded"},
        {
            "data": b"List-Unsubscribe=One-Click",
            "content_type": "application/x-www-form-urlencoded; charset=utf-16",
        },
        {"data": b"x", "content_type": "multipart/form-data"},
        {"data": b"--b\r\nbroken", "content_type": "multipart/form-data; boundary=b"},
        {"data": b"a=1&" * 5000, "content_type": "application/x-www-form-urlencoded"},
        {"data": b"x" * 3_000_000, "content_type": "application/x-www-form-urlencoded"},
        {"data": b"{}", "content_type": "application/json"},
        {"data": b"", "content_type": ""},
    ],
    ids=["bytes", "wrong charset", "no boundary", "cut off", "5000 fields", "3 MB", "JSON", "nothing"],
)
def test_no_body_gives_a_server_error(client: Client, message: Message, body: dict[str, Any]) -> None:
    client.raise_request_exception = False
    assert client.post(page_of(message), **body).status_code in (200, 400, 413)
    assert not OptOut.objects.exists()


def test_who_unsubscribed_elsewhere_sees_the_same_page(client: Client, message: Message) -> None:
    assert message.topic is not None
    consent.opt_out(message.contact, message.topic, source="phone")
    assert client.post(page_of(message), {"do": "topic"}).status_code == 200
    assert OptOut.objects.get().source == "phone"
