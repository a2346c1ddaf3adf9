"""A stranger's model whose changes are events: see tests/host/triggers_hooks.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from tests.host.models import Depot, Parcel
from tests.host.triggers_hooks import ParcelSource
from tests.rollback import rolled_back
from triggers.models import Event
from triggers.sources import Changed, Created, Deleted, ModelSource

pytestmark = pytest.mark.django_db


@pytest.fixture
def parcel() -> Parcel:
    made = Parcel.objects.create(number="P1", email="ann@example.com", weight="2.50")
    Event.objects.all().delete()
    return made


def events() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("name", flat=True))


def test_created() -> None:
    made = Parcel.objects.create(number="P1", email="ann@example.com")
    event = Event.objects.select_related("contact").get()
    assert (event.name, event.object_ref, event.contact.email) == (
        "parcel_created",
        f"parcel:{made.pk}",
        "ann@example.com",
    )
    assert event.data == {"number": "P1", "weight": 1}


def test_changed_says_from_what_to_what(parcel: Parcel) -> None:
    parcel.status = "sent"
    parcel.save()
    event = Event.objects.get()
    assert event.name == "parcel_status_changed"
    assert (event.data["from"], event.data["to"], event.data["number"]) == ("packed", "sent", "P1")


def test_changed_to_one_value(parcel: Parcel) -> None:
    for status in ("sent", "arrived", "arrived", "lost"):
        parcel.status = status
        parcel.save()
    assert events() == [
        "parcel_status_changed",
        *("parcel_status_changed", "parcel_arrived"),
        "parcel_status_changed",
    ]


def test_saved_without_a_change(parcel: Parcel) -> None:
    parcel.save()
    Parcel.objects.get().save()
    parcel.number = "P2"
    parcel.save()
    assert events() == []


def test_a_relation_changes_by_its_key(parcel: Parcel) -> None:
    parcel.depot = Depot.objects.create(name="Berlin")
    parcel.save()
    event = Event.objects.get()
    assert event.name == "parcel_moved"
    assert (event.data["from"], event.data["to"]) == (None, parcel.depot.pk)


def test_deleted_with_what_it_was(parcel: Parcel) -> None:
    key = parcel.pk
    parcel.delete()
    event = Event.objects.select_related("contact").get()
    assert (event.name, event.object_ref, event.data["number"]) == ("parcel_deleted", f"parcel:{key}", "P1")


def test_deleting_a_queryset_tells_of_each(parcel: Parcel) -> None:
    Parcel.objects.create(number="P2", email="eve@example.com")
    Parcel.objects.all().delete()
    assert events().count("parcel_deleted") == 2


def test_update_and_bulk_create_send_nothing(parcel: Parcel) -> None:
    """Django sends no signals for them; the docs say to call `capture` there."""
    Parcel.objects.update(status="lost")
    Parcel.objects.bulk_create([Parcel(number="P2", email="eve@example.com")])
    assert events() == []


def test_a_deferred_field_stays_unknown_and_costs_no_query(
    parcel: Parcel, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        found = Parcel.objects.only("number").get()
    found.status = "sent"
    found.save()
    assert events() == []
    found.status = "lost"
    found.save()
    assert events() == ["parcel_status_changed"], "known since it was saved"


def test_update_fields_tell_what_was_written(parcel: Parcel) -> None:
    """A status that was set but not saved used to be an event, and the real change later none."""
    parcel.status = "arrived"
    parcel.save(update_fields=["number"])
    assert events() == []
    parcel.save(update_fields=["status"])
    assert events() == ["parcel_status_changed", "parcel_arrived"]


def test_fixtures_are_no_events(parcel: Parcel, tmp_path: Any) -> None:
    backup = tmp_path / "parcels.json"
    call_command("dumpdata", "host.parcel", output=str(backup), verbosity=0)
    Parcel.objects.update(status="lost")
    call_command("loaddata", str(backup), verbosity=0)
    assert Parcel.objects.get().status == "packed"
    assert events() == []


def test_nobody_concerned_is_no_event() -> None:
    Parcel.objects.create(number="P1").delete()
    assert events() == []


def test_a_bad_address_costs_the_event_only() -> None:
    Parcel.objects.create(number="P1", email="not an address")
    assert Parcel.objects.exists()
    assert events() == []


def no_such_table(*args: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT gone FROM no_such_table")


def raising(*args: Any) -> Any:
    raise KeyError("host")


@pytest.mark.parametrize("error", [raising, no_such_table])
@pytest.mark.parametrize("method", ["contact", "data", "object_ref"])
def test_host_code_that_fails_does_not_fail_the_save(
    parcel: Parcel, method: str, error: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A query of the host's that fails used to end the shop's transaction on PostgreSQL."""
    monkeypatch.setattr(ParcelSource, method, error)
    parcel.status = "sent"
    parcel.save()
    parcel.delete()
    Parcel.objects.create(number="P2", email="ann@example.com")
    assert Parcel.objects.get().number == "P2"
    assert events() == []


def test_a_rolled_back_savepoint_leaves_no_event(parcel: Parcel) -> None:
    parcel.status = "sent"
    with rolled_back():
        parcel.save()
    assert Parcel.objects.get().status == "packed"
    assert events() == []


class WeightSource(ModelSource):
    """Another app that looks at the same model."""

    model = Parcel
    events = [
        Created("parcel_weighed"),
        Changed("parcel_weight_changed", field="weight"),
        Deleted("parcel_gone"),
    ]

    def contact(self, instance: Parcel) -> Any:
        return instance.email

    def object_ref(self, instance: Parcel) -> str:
        return "scales"


@pytest.fixture
def _weighed() -> Iterator[None]:
    source = WeightSource()
    source.connect()
    yield
    source.disconnect()


@pytest.mark.usefixtures("_weighed")
def test_two_sources_of_one_model_both_speak() -> None:
    """What one remembered of an instance used to overwrite what the other did."""
    Parcel.objects.create(number="P1", email="ann@example.com", weight=1)
    parcel = Parcel.objects.get()
    parcel.status, parcel.weight = "sent", 2
    parcel.save()
    parcel.delete()
    assert sorted(events()) == sorted(
        [
            "parcel_created",
            "parcel_weighed",
            "parcel_status_changed",
            "parcel_weight_changed",
            "parcel_deleted",
            "parcel_gone",
        ]
    )
    assert Event.objects.filter(object_ref="scales").count() == 3


def test_a_disconnected_source_is_silent(parcel: Parcel) -> None:
    source = WeightSource()
    source.connect()
    source.disconnect()
    parcel.weight = 9
    parcel.save()
    assert events() == []
