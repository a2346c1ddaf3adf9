"""`capture` from the shop's side: it records, or it says why not, but it never raises."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import DatabaseError
from django.test import override_settings
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

import triggers
from tests.build import make_contact
from tests.host.models import Parcel
from triggers.capturing import record_event
from triggers.exceptions import InvalidEvent
from triggers.models import SHARDS, Contact, Event, Heartbeat, PendingEvent
from triggers.shop import ContactDetails, ShopAdapter
from triggers.signals import capture_failed, event_captured

pytestmark = pytest.mark.django_db


@pytest.fixture
def failures() -> Iterator[list[tuple[str, Exception]]]:
    """Names and errors that receivers of `capture_failed` were told."""
    told: list[tuple[str, Exception]] = []

    def hear(name: str, error: Exception, **kwargs: Any) -> None:
        told.append((name, error))

    capture_failed.connect(hear)
    yield told
    capture_failed.disconnect(hear)


def test_an_event_and_what_is_left_to_do() -> None:
    contact = make_contact(agrees=False)
    moment = timezone.now() - timedelta(hours=1)
    event = triggers.capture(
        "purchase", contact=contact, data={"value": 5}, object_ref="order:1", occurred_at=moment
    )
    assert event is not None
    stored = Event.objects.get()
    assert (stored.contact, stored.name, stored.data, stored.object_ref) == (
        contact,
        "purchase",
        {"value": 5},
        "order:1",
    )
    assert stored.occurred_at == moment
    assert stored.uid == event.uid
    assert PendingEvent.objects.values_list("event", "shard").get() == (stored.pk, contact.pk % SHARDS)


@pytest.mark.parametrize("who", [None, "", AnonymousUser(), SimpleLazyObject(AnonymousUser)])
def test_for_nobody_nothing_is_recorded_and_nothing_is_wrong(who: Any, failures: list[Any]) -> None:
    assert triggers.capture("page_view", contact=who) is None
    assert not Event.objects.exists()
    assert not failures


class Rude:
    """Cannot be shown, compared, or asked whether it is somebody."""

    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("no")


class RudeError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


def failing(*args: Any, **kwargs: Any) -> Any:
    raise RudeError


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": "Bad Name"}, "event"),
        ({"name": None}, "event"),
        ({"name": Rude()}, "event"),
        ({"name": "x" * 1_000_000}, "event"),
        ({"name": "\ud800"}, "event"),
        ({"data": {"price": float("nan")}}, "data.price"),
        ({"data": {"items": [{"file": b""}]}}, "data.items[0].file"),
        ({"data": Rude()}, "data"),
        ({"data": {"x": Rude()}}, "data.x"),
        ({"data": "text"}, "data"),
        ({"object_ref": "x" * 101}, "object_ref"),
        ({"object_ref": Rude()}, None),
        ({"occurred_at": "yesterday"}, "occurred_at"),
        ({"occurred_at": timezone.now() + timedelta(days=3)}, "occurred_at"),
        ({"contact": "a@b.c, evil@e.com"}, None),
        ({"contact": "x" * 1_000_000}, None),
        ({"contact": b"a@example.com"}, None),
        ({"contact": 5}, None),
        ({"contact": Rude()}, None),
        ({"contact": Contact()}, None),
        ({"contact": User(username="unsaved")}, None),
        ({"contact": Parcel(pk=1)}, None),
    ],
    ids=lambda value: ascii(list(value))[:40] if isinstance(value, dict) else str(value),
)
def test_whatever_is_passed_it_never_raises(
    change: dict[str, Any], field: str | None, failures: list[tuple[str, Exception]]
) -> None:
    """Nothing is recorded, the error is told, and the field is named."""
    given = {"name": "view_item", "contact": "ann@example.com"} | change
    assert triggers.capture(given.pop("name"), **given) is None
    assert not Event.objects.exists()
    assert not PendingEvent.objects.exists()
    ((name, error),) = failures
    assert len(name) <= 64
    if field:
        assert isinstance(error, InvalidEvent)
        assert error.field == field


@pytest.mark.parametrize("place", ["contact_for", "record_event", "clean_data"])
def test_no_error_inside_reaches_the_shop(place: str, failures: list[Any]) -> None:
    with patch(f"triggers.capturing.{place}", failing):
        assert triggers.capture("login", contact="ann@example.com") is None
    assert len(failures) == 1


class NotAnAdapter:
    pass


class HalfAnAdapter(ShopAdapter):
    def contact_details(self, user: Any) -> Any:
        return {"email": user.email}


class RaisingAdapter(ShopAdapter):
    def contact_details(self, user: Any) -> ContactDetails:
        raise RudeError


class QueryingAdapter(ShopAdapter):
    def contact_details(self, user: Any) -> ContactDetails:
        raise DatabaseError(Event.objects.extra(where=["no such column"]).count())


@pytest.mark.parametrize(
    "adapter", ["NotAnAdapter", "HalfAnAdapter", "RaisingAdapter", "QueryingAdapter", "Missing"]
)
def test_a_broken_adapter_costs_the_event_only(adapter: str, failures: list[Any]) -> None:
    with override_settings(TRIGGERS={"SHOP_ADAPTER": "triggers.shop.adapter.ShopAdapter"}):
        user = User.objects.create(username="ann", email="ann@example.com")
    Contact.objects.all().delete()
    with override_settings(TRIGGERS={"SHOP_ADAPTER": f"{__name__}.{adapter}"}):
        assert triggers.capture("view_item", contact=user) is None
    assert User.objects.filter(username="ann").exists()
    assert failures
    assert not Event.objects.filter(name="view_item").exists()


def test_a_failure_is_logged_and_counted(
    caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any
) -> None:
    with caplog.at_level(logging.ERROR), django_capture_on_commit_callbacks(execute=True):
        triggers.capture("Bad\ud800Name", contact="ann@example.com")
        triggers.capture("login", contact="ann@example.com", data={"x": b""})
    assert "data.x: bytes cannot be stored" in caplog.text
    beat = Heartbeat.objects.get(pk="capture_failed")
    assert beat.count == 2
    assert "data.x" in beat.detail


def test_listeners_hear_of_events_and_cannot_spoil_them(caplog: pytest.LogCaptureFixture) -> None:
    heard = []

    def hear(event: Event, **kwargs: Any) -> None:
        heard.append(event)
        raise RudeError

    event_captured.connect(hear)
    try:
        event = triggers.capture("login", contact="ann@example.com")
    finally:
        event_captured.disconnect(hear)
    assert event is not None
    assert heard == [event]
    assert Event.objects.get() == event


def test_the_door_for_those_who_answer_themselves_raises() -> None:
    contact = make_contact(agrees=False)
    with pytest.raises(InvalidEvent) as refused:
        record_event("login", contact=contact, data={"x": {1}})
    assert (refused.value.field, refused.value.problem) == ("data.x", "set cannot be stored")


def test_events_have_uids_of_their_own() -> None:
    contact = make_contact(agrees=False)
    uids = {record_event("login", contact=contact).uid for _number in range(20)}
    assert len(uids) == 20
