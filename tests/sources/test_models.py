"""A stranger's model whose changes are events: see tests/host/triggers_hooks.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import Value
from django.db.models.functions import Concat
from django.db.models.signals import post_save

from tests.host.models import Depot, Parcel
from tests.host.triggers_hooks import ParcelSource
from tests.rollback import rolled_back
from triggers.models import Event
from triggers.sources import Changed, Created, Deleted, ModelSource
from triggers.sources.models import connected

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


def test_a_deferred_field_changes_as_well(parcel: Parcel, django_assert_num_queries: Any) -> None:
    """A value that was never loaded was never compared."""
    with django_assert_num_queries(1):
        found = Parcel.objects.only("number").get()
    found.status = "sent"
    found.save()
    assert events() == ["parcel_status_changed"]


def test_a_deferred_field_that_is_not_written_stays_deferred(
    parcel: Parcel, django_assert_num_queries: Any
) -> None:
    found = Parcel.objects.only("number").get()
    with django_assert_num_queries(1):
        found.save()
    assert "status" in found.get_deferred_fields()


def test_somebody_elses_change_is_not_told_again(parcel: Parcel) -> None:
    """`refresh_from_db` used to look like a change of one's own at the next save."""
    mine, theirs = Parcel.objects.get(), Parcel.objects.get()
    theirs.status = "arrived"
    theirs.save()
    mine.refresh_from_db()
    mine.weight = 2
    mine.save()
    assert events() == ["parcel_status_changed", "parcel_arrived"]


def test_a_save_from_an_old_copy_takes_the_change_back(parcel: Parcel) -> None:
    """It writes what it remembers over what somebody wrote, and used to say nothing of it."""
    mine, theirs = Parcel.objects.get(), Parcel.objects.get()
    theirs.status = "sent"
    theirs.save()
    mine.save()
    latest = Event.objects.latest("pk")
    assert (latest.data["from"], latest.data["to"]) == ("sent", "packed")


def test_a_retry_after_a_rollback_is_told(parcel: Parcel) -> None:
    """The instance used to remember what was rolled back, so the same save found nothing new."""
    parcel.status = "arrived"
    with rolled_back():
        parcel.save()
    parcel.save()
    assert events() == ["parcel_status_changed", "parcel_arrived"]


def test_an_instance_that_was_never_loaded(parcel: Parcel) -> None:
    """Only rows that this process had read used to change."""
    Parcel(pk=parcel.pk, number="P1", email=parcel.email, status="sent", weight=2).save()
    assert events() == ["parcel_status_changed"]


def test_an_expression_is_told_by_its_result(parcel: Parcel) -> None:
    """The expression itself used to be the new value, which no event can hold."""
    parcel.status = Concat("status", Value("!"))
    parcel.save()
    event = Event.objects.get()
    assert (event.data["from"], event.data["to"]) == ("packed", "packed!")


def test_a_receiver_that_saves_again_inside(parcel: Parcel) -> None:
    """Sources are asked after receivers that were connected before them; each change is told once."""

    def save_again(instance: Parcel, **kwargs: Any) -> None:
        if instance.number == "P1":
            instance.number = "P2"
            instance.save()

    source = ParcelSource()
    connected[f"{ParcelSource.__module__}.ParcelSource"].disconnect()
    post_save.connect(save_again, sender=Parcel)
    source.connect()
    try:
        parcel.status = "sent"
        parcel.save()
    finally:
        source.disconnect()
        post_save.disconnect(save_again, sender=Parcel)
        connected[f"{ParcelSource.__module__}.ParcelSource"].connect()
    assert events() == ["parcel_status_changed"]


def test_what_a_save_costs(parcel: Parcel, django_assert_num_queries: Any) -> None:
    """One SELECT, and none when no watched field is written; what tells of a change is not counted."""
    with django_assert_num_queries(2):
        parcel.save()
    with django_assert_num_queries(1):
        parcel.save(update_fields=["number"])
    with django_assert_num_queries(2):
        parcel.save(update_fields=["number", "status"])


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


@pytest.mark.usefixtures("_weighed")
def test_another_spelling_of_a_value_is_no_change() -> None:
    """A text for a number, and decimals that the column rounds, used to differ from what was read."""
    parcel = Parcel.objects.create(number="P1", email="ann@example.com", weight="2.5")
    parcel.weight = Decimal("2.501")
    for _again in range(2):
        parcel.save()
    assert "parcel_weight_changed" not in events()


def test_a_disconnected_source_is_silent(parcel: Parcel) -> None:
    source = WeightSource()
    source.connect()
    source.disconnect()
    parcel.weight = 9
    parcel.save()
    assert events() == []
