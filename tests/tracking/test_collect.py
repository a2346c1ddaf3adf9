"""The tracker's door: a browser may tell of its own browsing, and of nothing and nobody else."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.test import Client, override_settings

from tests.build import make_contact
from triggers.contacts import contact_for
from triggers.models import Contact, Event, PendingEvent, Visitor, VisitorEvent
from triggers.tracking import backlog
from triggers.tracking.parcel import MOST_BYTES, without_secrets

pytestmark = pytest.mark.django_db
PLACE = "/triggers/collect/"
COOKIE = "triggers_visitor"


@pytest.fixture(autouse=True)
def fresh_look() -> None:
    backlog.forget()


def told(*events: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"id": uuid4().hex, "events": list(events) or [{"name": "page_view"}], **fields}


def send(client: Client, parcel: Any, **headers: str) -> Any:
    body = parcel if isinstance(parcel, bytes) else json.dumps(parcel)
    return client.post(PLACE, body, content_type="text/plain;charset=UTF-8", headers=headers)


def names(rows: Any) -> list[str]:
    return list(rows.order_by("pk").values_list("name", flat=True))


def allow_nobody(request: HttpRequest) -> bool:
    return False


class TestVisitors:
    def test_a_new_browser_gets_a_cookie_and_its_events_wait(self, client: Client) -> None:
        answer = send(client, told({"name": "page_view", "age": 5000, "data": {"page_title": "Лампы"}}))
        assert (answer.status_code, answer.content) == (204, b"")
        cookie = answer.cookies[COOKIE]
        assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
        one = VisitorEvent.objects.get()
        assert one.data == {"page_title": "Лампы"}
        seconds = (one.visitor.last_seen_at - one.occurred_at).total_seconds()
        assert 4.9 < seconds < 5.1
        assert not Event.objects.exists()

    def test_the_next_parcel_is_the_same_visitors(self, client: Client) -> None:
        send(client, told())
        send(client, told())
        assert Visitor.objects.get().events.count() == 2

    def test_a_parcel_that_comes_again_is_recorded_once(self, client: Client) -> None:
        parcel = told()
        assert [send(client, parcel).status_code for _ in range(3)] == [204] * 3
        assert VisitorEvent.objects.count() == 1

    def test_a_customer_who_is_logged_in_is_the_contact_at_once(self, client: Client) -> None:
        user = User.objects.create_user("ann", "ann@example.com", "x")
        client.force_login(user)
        Event.objects.all().delete()
        PendingEvent.objects.all().delete()
        send(client, told({"name": "view_item", "ref": "product:5"}))
        event = Event.objects.get()
        assert (event.contact, event.object_ref) == (contact_for(user), "product:5")
        assert PendingEvent.objects.filter(event=event, shard=event.contact_id % 64).exists()

    def test_staff_are_not_followed(self, client: Client) -> None:
        client.force_login(User.objects.create_user("boss", "b@example.com", "x", is_staff=True))
        assert COOKIE not in send(client, told()).cookies
        assert not Visitor.objects.exists()

    def test_what_was_done_before_the_login_is_the_contacts(self, client: Client) -> None:
        send(client, told({"name": "view_item"}, {"name": "add_to_cart"}))
        client.force_login(User.objects.create_user("ann", "ann@example.com", "x"))
        send(client, told())
        assert names(Event.objects.exclude(name__in=("sign_up", "login"))) == [
            "view_item",
            "add_to_cart",
            "page_view",
        ]
        assert not VisitorEvent.objects.exists()

    def test_another_login_at_the_same_browser_is_another_visitor(self, client: Client) -> None:
        ann = User.objects.create_user("ann", "ann@example.com", "x")
        ben = User.objects.create_user("ben", "ben@example.com", "x")
        client.force_login(ann)
        first = send(client, told({"name": "view_item"})).cookies[COOKIE].value
        client.force_login(ben)
        second = send(client, told({"name": "search"})).cookies[COOKIE].value
        assert first != second
        assert names(Event.objects.filter(contact=contact_for(ann), name__in=("view_item", "search"))) == [
            "view_item"
        ]
        assert names(Event.objects.filter(contact=contact_for(ben), name__in=("view_item", "search"))) == [
            "search"
        ]

    def test_two_browsers_of_one_person_are_one_contact(self) -> None:
        ann = User.objects.create_user("ann", "ann@example.com", "x")
        for _device in range(2):
            device = Client()
            send(device, told({"name": "view_item"}))
            device.force_login(ann)
            send(device, told())
        assert Visitor.objects.filter(contact=contact_for(ann)).count() == 2
        assert Event.objects.filter(contact=contact_for(ann), name="view_item").count() == 2


class TestForged:
    @pytest.mark.parametrize(
        "name",
        ["purchase", "refund", "sign_up", "login", "consent_granted", "made_up", "Page View", "", "a" * 65],
    )
    def test_what_a_browser_may_not_say_is_left_out_and_the_rest_is_not(
        self, client: Client, name: str
    ) -> None:
        assert send(client, told({"name": name, "data": {"value": 1}}, {"name": "search"})).status_code == 204
        assert names(VisitorEvent.objects.all()) == ["search"]
        assert not Event.objects.exists()

    def test_an_address_in_the_data_makes_nobody_known(self, client: Client) -> None:
        victim = make_contact(email="victim@example.com")
        before = Event.objects.filter(contact=victim).count()
        event = {"name": "page_view", "data": {"email": "victim@example.com", "contact": victim.pk}}
        send(client, told(event, contact=victim.pk, email="victim@example.com", visitor=1))
        assert Event.objects.filter(contact=victim).count() == before
        assert Contact.objects.count() == 1
        assert Visitor.objects.get().contact is None

    @pytest.mark.parametrize("cookie", ["1", "x" * 5000, "00.aa", "", "a" * 32, "é"])
    def test_a_cookie_that_we_did_not_make_is_nobodys(self, client: Client, cookie: str) -> None:
        send(client, told())
        stranger = Client()
        stranger.cookies[COOKIE] = cookie
        assert send(stranger, told()).status_code == 204
        assert Visitor.objects.count() == 2

    def test_another_visitors_cookie_with_another_signature_is_nobodys(self, client: Client) -> None:
        value = send(client, told()).cookies[COOKIE].value
        stranger = Client()
        stranger.cookies[COOKIE] = value[:-2] + ("aa" if value[-2:] != "aa" else "bb")
        send(stranger, told())
        assert Visitor.objects.count() == 2

    @pytest.mark.parametrize("age", [-5, 1e300, 10**12, "5", None, True])
    def test_no_age_makes_an_event_of_the_future_or_of_long_ago(self, client: Client, age: Any) -> None:
        assert send(client, told({"name": "page_view", "age": age})).status_code in (204, 400)
        for one in VisitorEvent.objects.all():
            assert 0 <= (one.visitor.last_seen_at - one.occurred_at).total_seconds() <= 86_401

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "https://[broken"},
            {"Sec-Fetch-Site": "cross-site"},
        ],
    )
    def test_other_sites_are_refused(self, client: Client, headers: dict[str, str]) -> None:
        assert send(client, told(), **headers).status_code == 403
        assert not Visitor.objects.exists()

    def test_the_shops_own_page_is_not(self, client: Client) -> None:
        answer = send(client, told(), **{"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"})
        assert answer.status_code == 204
        assert "Access-Control-Allow-Origin" not in answer

    def test_reading_is_not_possible(self, client: Client) -> None:
        assert client.get(PLACE).status_code == 405

    def test_a_visitor_cannot_flood(self, client: Client) -> None:
        for _ in range(20):
            assert send(client, told(*[{"name": "page_view"}] * 20)).status_code == 204
        assert 120 <= VisitorEvent.objects.count() < 200


class TestShape:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"null",
            b"{",
            b'"text"',
            b'{"id": "12345678"}',
            b'{"id": "12345678", "events": []}',
            b'{"id": "1", "events": [{"name": "page_view"}]}',
            b'{"id": 12345678, "events": [{"name": "page_view"}]}',
            b'{"id": "12345678", "events": [{"name": 5}]}',
            b'{"id": "12345678", "events": [{"name": "page_view", "data": []}]}',
            b'{"id": "12345678", "events": [{"name": "page_view", "data": {"a": 1e400}}]}',
            b'{"id": "12345678", "events": [{"name": "page_view", "data": {"a": NaN}}]}',
            b'{"id": "12345678", "events": [{"name": "page_view", "data": {"a": "\\ud800"}}]}',
            b"\xff\xfe\x00",
            b"[" * 50_000,
            json.dumps({"id": "12345678", "events": [{"name": "page_view"}] * 21}).encode(),
        ],
        ids=lambda body: body[:40].decode("ascii", "replace"),
    )
    def test_what_is_no_parcel_is_refused_and_not_echoed(self, client: Client, body: bytes) -> None:
        answer = send(client, body)
        assert (answer.status_code, answer.content) == (400, b"")
        assert not Visitor.objects.exists()

    @pytest.mark.parametrize(
        "data",
        [
            {"a": "\0b"},
            {"a": 10**30},
            {"a": "x" * 5000},
            {"a": [[[[[[[[[[1]]]]]]]]]]},
            {str(number): 1 for number in range(101)},
        ],
        ids=["nul", "large number", "long", "deep", "wide"],
    )
    def test_an_event_that_cannot_be_stored_costs_no_other(self, client: Client, data: Any) -> None:
        assert send(client, told({"name": "search", "data": data}, {"name": "page_view"})).status_code == 204
        assert "page_view" in names(VisitorEvent.objects.all())

    def test_a_body_that_is_too_long(self, client: Client) -> None:
        assert send(client, b" " * (MOST_BYTES + 1)).status_code == 413


class TestRules:
    @pytest.mark.parametrize("headers", [{"DNT": "1"}, {"Sec-GPC": "1"}, {"User-Agent": "Googlebot/2.1"}])
    def test_who_is_left_alone(self, client: Client, headers: dict[str, str]) -> None:
        answer = send(client, told(), **headers)
        assert answer.status_code == 204
        assert COOKIE not in answer.cookies
        assert not Visitor.objects.exists()

    @override_settings(TRIGGERS={"RESPECT_DNT": False})
    def test_a_shop_may_choose_not_to(self, client: Client) -> None:
        send(client, told(), DNT="1")
        assert Visitor.objects.exists()

    @override_settings(TRIGGERS={"TRACKING_ALLOWED": "tests.tracking.test_collect.allow_nobody"})
    def test_the_shops_own_rule(self, client: Client) -> None:
        assert COOKIE not in send(client, told()).cookies
        assert not Visitor.objects.exists()

    @override_settings(TRIGGERS={"TRACKER_BACKLOG": 1})
    def test_the_tracker_is_the_first_to_be_sent_away(self, client: Client) -> None:
        for _ in range(2):
            contact = make_contact(Contact.objects.count() + 1, agrees=False)
            event = Event.objects.create(contact=contact, name="search", occurred_at="2026-01-01T00:00Z")
            PendingEvent.objects.create(event=event, shard=contact.shard)
        answer = send(client, told())
        assert (answer.status_code, answer["Retry-After"]) == (503, "60")


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://shop.test/a?utm_source=x&token=secret#part", "https://shop.test/a?utm_source=x"),
        ("https://user:pass@shop.test/a", "https://shop.test/a"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("/plain/path?next=/x", "/plain/path"),
        ("https://[broken", ""),
    ],
)
def test_an_address_keeps_no_secret(address: str, kept: str) -> None:
    assert without_secrets(address) == kept
