"""Source rules: changes of models that are events because somebody said so in the admin."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.host.models import Parcel, Ware
from tests.project.files import ROOT
from triggers.models import Event, SourceRule
from triggers.sources import rules
from triggers.sources.paths import allowed_fields, check_contact_path, last_field

pytestmark = pytest.mark.django_db


def rule(change: str = "created", **fields: Any) -> SourceRule:
    defaults = {"event": "ware_changed", "model": "host.Ware", "contact_path": "email"}
    return SourceRule.objects.create(change=change, **(defaults | fields))


def ware(**fields: Any) -> Ware:
    return Ware.objects.create(**{"name": "Lamp", "email": "ann@example.com", **fields})


def told() -> list[tuple[str, Any]]:
    return [(one.name, one.data) for one in Event.objects.filter(name__startswith="ware").order_by("pk")]


def test_created_with_data_and_the_path_to_its_owner() -> None:
    owner = User.objects.create(username="ann", email="ann@example.com")
    rule(contact_path="owner", data_paths=["name", "price", "owner", "parcel.number"])
    one = ware(owner=owner, parcel=Parcel.objects.create(number="P7"))
    event = Event.objects.get(name="ware_changed")
    assert event.contact.external_id == str(owner.pk)
    assert event.data == {"name": "Lamp", "price": 10, "owner": owner.pk, "parcel": {"number": "P7"}}
    assert event.object_ref == f"ware:{one.pk}"


@pytest.mark.parametrize(
    ("change", "more", "values", "expected"),
    [
        ("changed", {"field": "state"}, {"state": ["new", "sold", "new"]}, 2),
        ("became", {"field": "state", "value": "sold"}, {"state": ["sold", "sold", "new", "sold"]}, 2),
        ("became", {"field": "stock", "value": "0"}, {"stock": [0, 5, 0]}, 2),
        ("became", {"field": "price", "value": "5.00"}, {"price": ["5", 5, 6]}, 1),
        ("fell", {"field": "price", "percent": 10}, {"price": ["9.01", "10", "9", "8.09", "2"]}, 3),
        ("fell", {"field": "price", "percent": 0}, {"price": [10, 11, "10.99"]}, 1),
        ("rose", {"field": "stock", "percent": 0}, {"stock": [0, 1, 1, 5]}, 2),
        ("rose", {"field": "stock", "percent": 50}, {"stock": [2, 3, 4, 3]}, 2),
        ("fell", {"field": "price", "percent": 10}, {"price": [9, "8.1", "7.29"]}, 3),
        ("fell", {"field": "stock", "percent": 0}, {"stock": [0, 0, -1]}, 2),
        ("fell", {"field": "stock", "percent": 50}, {"stock": [-1, -1, -2]}, 2),
    ],
    ids=str,
)
def test_changes_of_a_field(change: str, more: Any, values: dict[str, list[Any]], expected: int) -> None:
    rule(change, **more)
    one = ware()
    ((name, sequence),) = values.items()
    for value in sequence:
        setattr(one, name, value)
        one.save()
    assert len(told()) == expected


def test_deleted() -> None:
    rule("deleted", data_paths=["name"])
    ware().delete()
    assert told() == [("ware_changed", {"name": "Lamp"})]


def test_two_rules_of_one_model_have_their_own_contacts() -> None:
    rule(event="ware_one")
    rule(event="ware_two", contact_path="parcel.email", data_paths=["stock"])
    ware(parcel=Parcel.objects.create(number="P7", email="ben@example.com"))
    found = {one.name: one.contact.email for one in Event.objects.filter(name__startswith="ware")}
    assert found == {"ware_one": "ann@example.com", "ware_two": "ben@example.com"}


def test_nobody_is_no_event_and_no_error(caplog: pytest.LogCaptureFixture) -> None:
    rule(contact_path="owner")
    rule(contact_path="parcel.email")
    ware()
    assert told() == []
    assert "failed" not in caplog.text


def test_switched_off_and_on_at_once_in_this_process() -> None:
    one = rule()
    ware()
    one.is_on = False
    one.save()
    ware()
    one.delete()
    ware()
    assert len(told()) == 1


def test_one_look_a_second_whatever_is_saved() -> None:
    rule(event="ware_one")
    rule(event="ware_two")
    one = ware(email="")
    rules.forget()
    with transaction.atomic():
        for expected in (1, 0):
            with CaptureQueriesContext(connection) as queries:
                one.save()
            looks = [query["sql"] for query in queries if "triggers_sourcerule" in query["sql"]]
            assert len(looks) == expected


@pytest.mark.django_db(transaction=True)
def test_another_process_learns_of_it_without_a_restart(child_environment: dict[str, str]) -> None:
    code = """
import sys, time, django
django.setup()
from tests.host.models import Ware
from triggers.models import Event
Ware.objects.create(name="first", email="ann@example.com")
print("ready", flush=True)
sys.stdin.readline()
time.sleep(1.1)
Ware.objects.create(name="second", email="ann@example.com")
print(*Event.objects.filter(name="ware_changed").values_list("data__name", flat=True), flush=True)
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command, cwd=ROOT, env=child_environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdin
        assert process.stdout.readline().strip() == "ready"
        rule(data_paths=["name"])
        process.stdin.write("go\n")
        process.stdin.flush()
        assert process.stdout.readline().strip() == "second"


def test_what_looks_like_a_secret_is_never_offered() -> None:
    assert allowed_fields(Ware) == ["name", "email", "price", "stock", "state", "owner", "parcel"]
    assert allowed_fields(User) == []


WRONG = [
    ("card_number", "card_number"),
    ("api_token", "api_token"),
    ("blob", "blob"),
    ("internal", "internal"),
    ("nothing", "nothing"),
    ("owner.password", "password"),
    ("owner.email", "email"),
    ("parcel.status", "status"),
    ("name.upper", "name"),
    ("__class__", "__class__"),
    ("parcel__email", "parcel__email"),
    ("parcel.labels", "labels"),
    ("", "none of the fields"),
    (".".join(["parcel"] * 9), "more than"),
]


@pytest.mark.parametrize(("path", "named"), WRONG)
def test_paths_that_lead_nowhere_are_named(path: str, named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        last_field(Ware, path)


@pytest.mark.parametrize("path", ["price", "stock", "parcel"])
def test_a_contact_is_a_user_or_a_text(path: str) -> None:
    with pytest.raises(ValidationError, match="ends neither"):
        check_contact_path(Ware, path)


@pytest.mark.parametrize(
    "broken",
    [
        {"model": "host.Gone"},
        {"model": "auth.User", "contact_path": "email"},
        {"contact_path": "owner.password"},
        {"data_paths": ["card_number"]},
        {"data_paths": ["nothing"]},
        {"change": "became", "field": "stock", "value": "many"},
        {"change": "changed", "field": "gone"},
        {"event": "Not a name"},
    ],
    ids=str,
)
def test_a_rule_that_fits_no_longer_breaks_no_save_and_no_other_rule(broken: dict[str, Any]) -> None:
    """A setting, a model or a row changed behind the form's back."""
    rule(event="ware_good")
    rule(**{"event": "ware_bad", **broken})
    one = ware()
    one.price = Decimal(5)
    one.save()
    assert [name for name, _data in told()] == ["ware_good"]


def test_a_table_that_cannot_be_read_breaks_no_save(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SourceRule._meta, "db_table", "no_such_table")
    with transaction.atomic():
        one = ware()
    assert Ware.objects.filter(pk=one.pk).exists()
    assert "rules.not_read" in caplog.text
