"""From the moment a visitor is known, the chains treat what it did as if it had been known from the start."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import timezone

import triggers
from tests.build import live_chain, make_template
from triggers import consent
from triggers.contacts import contact_for
from triggers.models import Event, Journey, Message, PendingEvent, Visitor, VisitorEvent
from triggers.testing import database_clock, run_due
from triggers.visitors import signer

pytestmark = pytest.mark.django_db
WAIT = ("wait", "wait", {"amount": 3, "unit": "hours"})
LETTER = ("letter", "send_email", {"template": "reminder"})


@pytest.fixture
def visitor() -> Visitor:
    now = timezone.now()
    return Visitor.objects.create(first_seen_at=now, last_seen_at=now)


def request_of(visitor: Visitor | None, user: Any = None) -> HttpRequest:
    request = RequestFactory().get("/")
    request.user = user or AnonymousUser()
    if visitor is not None:
        request.COOKIES["triggers_visitor"] = signer().sign(visitor.uid.hex)
    return request


def user_of(name: str) -> User:
    user = User.objects.create_user(name, f"{name}@example.com", "x")
    consent.grant(user, "email", source="test", text="yes")
    return user


def test_a_cart_filled_before_the_login_is_abandoned_three_hours_after_it_was_filled(
    visitor: Visitor,
) -> None:
    make_template()
    live_chain([WAIT, LETTER], goals=["purchase"])
    start = timezone.now()
    with database_clock(start):
        triggers.capture("add_to_cart", contact=request_of(visitor), data={"value": 20})
    ann = user_of("ann")
    with database_clock(start + timedelta(hours=1)):
        user_logged_in.send(User, request=request_of(visitor), user=ann)
        run_due()
    assert Journey.objects.get().contact == contact_for(ann)
    with database_clock(start + timedelta(hours=2, minutes=59)):
        run_due()
    assert not Message.objects.exists()
    with database_clock(start + timedelta(hours=3, minutes=1)):
        run_due()
    assert Message.objects.get().state == "accepted"


def test_an_order_under_another_roof_still_ends_it(visitor: Visitor) -> None:
    """A guest's order is told of before it is said whose browser it was."""
    make_template()
    live_chain([WAIT, LETTER], goals=["purchase"])
    triggers.capture("add_to_cart", contact=request_of(visitor))
    triggers.capture("purchase", contact="guest@example.com")
    contact = triggers.identify(request_of(visitor), "guest@example.com")
    assert contact is not None
    consent.grant(contact, "email", source="test", text="yes")
    run_due()
    with database_clock(timezone.now() + timedelta(hours=4)):
        run_due()
    assert not Message.objects.exists()
    assert Journey.objects.get().status == "exited"


def test_what_is_older_than_a_day_is_history(visitor: Visitor) -> None:
    now = timezone.now()
    for hours in (30, 2):
        VisitorEvent.objects.create(
            visitor=visitor, name="view_item", occurred_at=now - timedelta(hours=hours), data={"hours": hours}
        )
    triggers.identify(request_of(visitor), "ann@example.com")
    events = Event.objects.filter(name="view_item").order_by("pk")
    assert [event.data["hours"] for event in events] == [30, 2]
    assert [event.recorded_at for event in events] == [now - timedelta(hours=30), now - timedelta(hours=2)]
    assert [pending.event.data["hours"] for pending in PendingEvent.objects.all()] == [2]


def test_identifying_twice_tells_nothing_twice(visitor: Visitor) -> None:
    triggers.capture("search", contact=request_of(visitor))
    for _ in range(2):
        triggers.identify(request_of(visitor), "ann@example.com")
    assert Event.objects.filter(name="search").count() == 1


def test_another_persons_login_ends_the_visitor(visitor: Visitor) -> None:
    ann, ben = user_of("ann"), user_of("ben")
    triggers.identify(request_of(visitor), ann)
    request = request_of(visitor)
    triggers.identify(request, ben)
    assert triggers.capture("search", contact=request) is None
    visitor.refresh_from_db()
    assert visitor.ended_at is not None
    assert visitor.contact == contact_for(ann)
    assert triggers.capture("search", contact=request_of(visitor)) is None
    assert not VisitorEvent.objects.exists()


def test_a_known_visitor_is_the_contact_without_a_login(visitor: Visitor) -> None:
    ann = user_of("ann")
    triggers.identify(request_of(visitor), ann)
    event = triggers.capture("search", contact=request_of(visitor))
    assert event is not None
    assert event.contact == contact_for(ann)


def test_a_request_with_a_user_is_the_user(visitor: Visitor) -> None:
    event = triggers.capture("search", contact=request_of(visitor, user_of("ann")))
    assert event is not None
    assert event.contact.email == "ann@example.com"


def test_without_a_cookie_nobody_is_identified_and_nothing_fails() -> None:
    assert triggers.identify(request_of(None), "ann@example.com") == contact_for("ann@example.com")
    assert triggers.capture("search", contact=request_of(None)) is None


@pytest.mark.parametrize("who", ["not an address", object(), None, AnonymousUser()])
def test_identify_never_raises(visitor: Visitor, who: Any) -> None:
    assert triggers.identify(request_of(visitor), who) is None


def test_what_cannot_be_stored_of_a_visitor_is_said(
    visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    assert triggers.capture("Bad Name", contact=request_of(visitor)) is None
    assert not VisitorEvent.objects.exists()
    assert "event.not_captured" in caplog.text
