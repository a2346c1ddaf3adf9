"""`capture_many`: what `capture` does, for many events in as many statements as for a few."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection, transaction
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import triggers
from tests.build import make_contact
from triggers.exceptions import InvalidAddress, InvalidEvent
from triggers.models import SHARDS, Contact, Event, Heartbeat, PendingEvent
from triggers.shop import ContactDetails, ShopAdapter
from triggers.signals import event_captured

pytestmark = pytest.mark.django_db


def users(*names: str) -> list[User]:
    """Users that the shop has written in bulk, so that we have not heard of them."""
    User.objects.bulk_create([User(username=name, email=f"{name}@example.com") for name in names])
    return list(User.objects.filter(username__in=names).order_by("pk"))


def test_events_of_all_whom_capture_takes() -> None:
    contact, (user,) = make_contact(agrees=False), users("ann")
    moment = timezone.now() - timedelta(hours=1)
    results = triggers.capture_many(
        [
            {"name": "purchase", "contact": contact, "data": {"value": 5}, "object_ref": "order:1"},
            {"name": "view_item", "contact": user, "occurred_at": moment},
            {"name": "search", "contact": "Ben@Example.com"},
            {"name": "page_view", "contact": AnonymousUser()},
        ]
    )
    assert [one.error for one in results] == [None] * 4
    assert results[3].event is None
    stored = list(Event.objects.order_by("pk").select_related("contact"))
    assert [one.pk for one in stored] == sorted(one.event.pk for one in results if one.event)
    by_name = {one.name: one for one in stored}
    assert (by_name["purchase"].contact, by_name["purchase"].data) == (contact, {"value": 5})
    assert by_name["purchase"].object_ref == "order:1"
    assert by_name["view_item"].occurred_at == moment
    assert by_name["view_item"].contact.external_id == str(user.pk)
    assert by_name["view_item"].contact.email == "ann@example.com"
    assert by_name["search"].contact.email_key == "ben@example.com"
    assert {(one.event_id, one.shard) for one in PendingEvent.objects.all()} == {
        (one.pk, one.contact_id % SHARDS) for one in stored
    }
    for one in stored:
        assert abs(one.recorded_at - timezone.now()) < timedelta(minutes=1)


BAD = [
    ({"name": "Not a name", "contact": "a@example.com"}, InvalidEvent),
    ({"contact": "a@example.com"}, InvalidEvent),
    ({"name": "login", "contact": "a@example.com, b@example.com"}, InvalidAddress),
    ({"name": "login", "contact": 5}, TypeError),
    ({"name": "login", "contact": User()}, TypeError),
    ({"name": "login", "contact": "a@example.com", "data": {"x": float("nan")}}, InvalidEvent),
    ({"name": "login", "contact": "a@example.com", "dta": {}}, InvalidEvent),
    ({"name": "login", "contact": "a@example.com", "occurred_at": "now"}, InvalidEvent),
    (None, Exception),
    (7, Exception),
]


@pytest.mark.parametrize(("bad", "kind"), BAD, ids=str)
def test_a_bad_event_does_not_cost_the_others(bad: Any, kind: type, caplog: pytest.LogCaptureFixture) -> None:
    good = {"name": "login", "contact": "ann@example.com"}
    first, second, third = triggers.capture_many([good, bad, good])
    assert first.event
    assert third.event
    assert second.event is None
    assert isinstance(second.error, kind)
    assert Event.objects.count() == 2
    assert "event.not_captured" in caplog.text


class Broken(ShopAdapter):
    def contact_details(self, user: Any) -> ContactDetails:
        if user.username == "ben":
            raise RuntimeError("no such profile")
        return super().contact_details(user)


@override_settings(TRIGGERS={"SHOP_ADAPTER": f"{__name__}.Broken", "BASE_URL": "https://shop.test"})
def test_a_shop_that_fails_for_one_user_fails_for_that_one_only() -> None:
    everybody = users("ann", "ben", "cid")
    results = triggers.capture_many([{"name": "login", "contact": one} for one in everybody])
    assert [bool(one.event) for one in results] == [True, False, True]
    assert str(results[1].error) == "no such profile"


def test_it_is_counted_and_never_raises(django_capture_on_commit_callbacks: Any) -> None:
    def events() -> Iterator[dict[str, Any]]:
        yield {"name": "login", "contact": "ann@example.com"}
        raise RuntimeError("the file ends here")

    with django_capture_on_commit_callbacks(execute=True):
        assert triggers.capture_many(None) == []  # type: ignore[arg-type]
        assert triggers.capture_many([{"name": "?", "contact": "a@example.com"}] * 3)[2].error
        triggers.capture_many(events())
    assert Heartbeat.objects.get(pk="capture_failed").count == 5


def test_each_event_is_announced() -> None:
    heard: list[Event] = []

    def hear(event: Event, **kwargs: Any) -> None:
        heard.append(event)

    event_captured.connect(hear)
    try:
        results = triggers.capture_many([{"name": "login", "contact": "ann@example.com"}] * 2)
    finally:
        event_captured.disconnect(hear)
    assert heard == [one.event for one in results]


def test_a_rolled_back_transaction_leaves_nothing() -> None:
    with transaction.atomic():
        triggers.capture_many([{"name": "login", "contact": "ann@example.com"}])
        transaction.set_rollback(True)
    assert not Event.objects.exists()
    assert not Contact.objects.exists()


def test_more_than_one_part() -> None:
    contact = make_contact(agrees=False)
    results = triggers.capture_many({"name": "view_item", "contact": contact} for _number in range(1001))
    assert all(one.event for one in results)
    assert Event.objects.count() == PendingEvent.objects.count() == 1001


@override_settings(TRIGGERS={"BASE_URL": "https://shop.test"})
@pytest.mark.parametrize("kind", ["contacts", "new users", "known users", "addresses"])
def test_the_same_number_of_statements_for_2_and_for_500(kind: str) -> None:
    counts = []
    for number in (2, 500):
        everybody: list[Any] = users(*(f"{kind[:3]}{number}-{one}" for one in range(number)))
        if kind == "addresses":
            everybody = [one.email for one in everybody]
        if kind in ("contacts", "known users"):
            results = triggers.capture_many([{"name": "login", "contact": one} for one in everybody])
            if kind == "contacts":
                everybody = [one.event.contact for one in results if one.event]
        with transaction.atomic(), CaptureQueriesContext(connection) as queries:
            results = triggers.capture_many(
                [{"name": "login", "contact": one, "data": {"n": 1}} for one in everybody]
            )
        assert all(one.event for one in results)
        counts.append([query["sql"].split()[0] for query in queries.captured_queries])
    assert counts[0] == counts[1]
    assert len(counts[0]) <= 12
