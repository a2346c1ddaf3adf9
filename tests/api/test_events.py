"""Events over HTTP: a result for each, and each once."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from tests.api.conftest import Caller, login
from triggers.engine.purge import purge
from triggers.models import ApiReceipt, Contact, Event, PendingEvent
from triggers.signals import event_captured


def test_a_batch(caller: Caller) -> None:
    moment = timezone.now().replace(microsecond=0) - timedelta(hours=1)
    first, second = caller.results(
        "events",
        {
            "events": [
                {
                    "name": "purchase",
                    "contact": {"external_id": "5", "email": "ann@example.com", "first_name": "Ann"},
                    "data": {"value": 99.9, "items": [{"item_id": "L1"}]},
                    "object_ref": "order:5",
                    "occurred_at": moment.isoformat(),
                },
                {"name": "login", "contact": {"phone": "+12025550123"}},
            ]
        },
    )
    assert (first["status"], second["status"]) == ("accepted", "accepted")
    event = Event.objects.get(uid=first["id"])
    assert (event.name, event.data, event.object_ref, event.occurred_at) == (
        "purchase",
        {"value": 99.9, "items": [{"item_id": "L1"}]},
        "order:5",
        moment,
    )
    assert (event.contact.external_id, event.contact.first_name) == ("5", "Ann")
    assert Event.objects.get(uid=second["id"]).contact.phone == "+12025550123"
    assert PendingEvent.objects.count() == 2


def test_one_alone(caller: Caller) -> None:
    (result,) = caller.results("events", login())
    assert Event.objects.get().uid.hex == result["id"].replace("-", "")


def test_one_bad_event_does_not_cost_the_others(caller: Caller) -> None:
    good, bad, also_good = caller.results("events", {"events": [login(), {"name": "?"}, login()]})
    assert (good["status"], also_good["status"]) == ("accepted", "accepted")
    assert bad["status"] == "refused"
    assert set(bad["error"]) == {"field", "message"}
    assert Event.objects.count() == 2


def test_a_repeat_gives_the_first_result(caller: Caller) -> None:
    (first,) = caller.results("events", login(idempotency_key="k1", data={"n": 1}))
    (again,) = caller.results("events", login(idempotency_key="k1", data={"n": 2}))
    assert again == {"status": "duplicate", "id": first["id"]}
    assert Event.objects.get().data == {"n": 1}


def test_a_repeat_in_one_batch(caller: Caller) -> None:
    both = [login(idempotency_key="k1"), login(idempotency_key="k1"), login(idempotency_key="k2")]
    statuses = [one["status"] for one in caller.results("events", {"events": both})]
    assert statuses == ["accepted", "duplicate", "accepted"]
    assert Event.objects.count() == 2


def test_a_repeat_changes_no_contact(caller: Caller) -> None:
    """An old call that is sent again used to be able to bring an old name back."""
    who = {"email": "ann@example.com"}
    caller.results("events", login(contact={**who, "first_name": "Old"}, idempotency_key="k1"))
    caller.results("contacts", {**who, "first_name": "New"})
    caller.results("events", login(contact={**who, "first_name": "Old"}, idempotency_key="k1"))
    assert Contact.objects.get().first_name == "New"


def test_many_keys_are_many(caller: Caller) -> None:
    """MariaDB used to take a quarter of all digests for one and the same: events were lost as duplicates."""
    batch = {"events": [login(idempotency_key=f"k{number}") for number in range(100)]}
    assert {one["status"] for one in caller.results("events", batch)} == {"accepted"}
    assert ApiReceipt.objects.count() == 100
    assert {one["status"] for one in caller.results("events", batch)} == {"duplicate"}
    assert Event.objects.count() == 100


def test_a_refused_event_may_come_again(caller: Caller) -> None:
    (refused,) = caller.results("events", login(idempotency_key="k1", data={"x": 2**70}))
    assert refused["error"]["field"] == "data.x"
    (accepted,) = caller.results("events", login(idempotency_key="k1"))
    assert accepted["status"] == "accepted"


def test_keys_of_one_name_are_one_caller_and_others_are_not(caller: Caller) -> None:
    caller.results("events", login(idempotency_key="k1"))
    assert Caller(name="erp").results("events", login(idempotency_key="k1"))[0]["status"] == "duplicate"
    assert Caller(name="crm").results("events", login(idempotency_key="k1"))[0]["status"] == "accepted"


def test_what_is_old_enough_is_forgotten(caller: Caller) -> None:
    caller.results("events", login(idempotency_key="k1"))
    ApiReceipt.objects.update(at=timezone.now() - timedelta(days=6))
    purge()
    assert ApiReceipt.objects.count() == 1
    ApiReceipt.objects.update(at=timezone.now() - timedelta(days=8))
    purge()
    assert not ApiReceipt.objects.exists()


def test_it_is_announced(caller: Caller) -> None:
    heard: list[Event] = []

    def hear(event: Event, **kwargs: Any) -> None:
        heard.append(event)

    event_captured.connect(hear)
    try:
        caller.results("events", {"events": [login(idempotency_key="k"), login(idempotency_key="k")]})
    finally:
        event_captured.disconnect(hear)
    assert heard == [Event.objects.get()]


@pytest.mark.django_db(transaction=True)
@pytest.mark.only_on("postgres", "mariadb")
def test_two_identical_calls_at_the_same_moment(transactional_db: None) -> None:
    caller = Caller()
    batch = {"events": [login(idempotency_key=f"k{number}") for number in range(50)]}
    batches = [batch, {"events": batch["events"][::-1]}] * 2
    start = threading.Barrier(len(batches))
    answers: list[list[dict[str, Any]]] = []

    def call(body: dict[str, Any]) -> None:
        try:
            start.wait()
            answers.append(json.loads(caller.post("events", body).content)["results"])
        finally:
            connection.close()

    threads = [threading.Thread(target=call, args=[body]) for body in batches]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(answers) == len(batches)
    assert Event.objects.count() == 50
    statuses = [one["status"] for results in answers for one in results]
    assert (statuses.count("accepted"), statuses.count("duplicate")) == (50, 150)
    assert {one["id"] for results in answers for one in results} == {
        str(uid) for uid in Event.objects.values_list("uid", flat=True)
    }


def test_the_same_number_of_statements_for_1_and_for_100(
    caller: Caller, django_assert_max_num_queries: Any
) -> None:
    caller.results("events", login())
    for number in (1, 100):
        events = [
            login(contact={"external_id": f"{number}-{one}"}, idempotency_key=f"{number}-{one}")
            for one in range(number)
        ]
        with django_assert_max_num_queries(14):
            caller.results("events", {"events": events})


def test_moments(caller: Caller) -> None:
    caller.results("events", login(occurred_at="2026-01-02T03:04:05+03:00"))
    assert Event.objects.get().occurred_at == datetime(2026, 1, 2, 0, 4, 5, tzinfo=UTC)
