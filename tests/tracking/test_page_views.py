"""Page views by middleware: for people who open pages, and never in the way of one."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client, override_settings

from triggers.models import Event, Visitor, VisitorEvent
from triggers.tracking import backlog, middleware

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("with_page_views"),
]
PAGE = "/triggers/unsubscribe/none/"


@pytest.fixture
def with_page_views() -> Any:
    backlog.forget()
    added = [*settings.MIDDLEWARE, "triggers.tracking.middleware.PageViews"]
    with override_settings(MIDDLEWARE=added):
        yield


def open_page(client: Client, path: str = "/delivery/?utm_source=mail&token=secret", **headers: str) -> Any:
    return client.get(path, headers=headers)


def test_a_visitor_gets_a_cookie_and_the_page_is_noted(client: Client) -> None:
    answer = open_page(client)
    assert answer.status_code == 200
    assert "triggers_visitor" in answer.cookies
    assert "Cookie" in answer["Vary"]
    assert VisitorEvent.objects.get().data["page_location"].endswith("/delivery/?utm_source=mail")
    open_page(client)
    assert Visitor.objects.get().events.count() == 2


def test_a_customer_is_known(client: Client) -> None:
    client.force_login(User.objects.create_user("ann", "ann@example.com", "x"))
    open_page(client)
    # The demo shop's page tells of itself as well.
    event = Event.objects.filter(name="page_view").latest("pk")
    assert event.contact.email == "ann@example.com"
    assert "page_referrer" in event.data


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Purpose": "prefetch"},
        {"Purpose": "prefetch"},
        {"Sec-Fetch-Dest": "image"},
        {"DNT": "1"},
        {"User-Agent": "Mozilla/5.0 (compatible; bingbot/2.0)"},
    ],
)
def test_what_is_no_page_view(client: Client, headers: dict[str, str]) -> None:
    assert open_page(client, **headers).status_code == 200
    assert not Visitor.objects.exists()


@pytest.mark.parametrize("path", ["/prices.csv", "/nowhere/", "/cart/restore/false/"])
def test_what_is_no_page(client: Client, path: str) -> None:
    open_page(client, path)
    assert not VisitorEvent.objects.exists()


def test_staff_are_left_out(client: Client) -> None:
    client.force_login(User.objects.create_user("boss", "b@example.com", "x", is_staff=True))
    open_page(client)
    assert not VisitorEvent.objects.exists()
    assert [
        event.data for event in Event.objects.filter(name="page_view") if "page_referrer" in event.data
    ] == []


def test_an_error_is_logged_and_the_page_is_shown(
    client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*args: Any) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(middleware, "_record", broken)
    assert open_page(client).status_code == 200
    assert "page_view.failed" in caplog.text
