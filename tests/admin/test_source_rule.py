"""Source rules in the admin: only what may be picked, errors by field, and a look ahead."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from tests.host.models import Ware
from triggers.models import Event, SourceRule

pytestmark = pytest.mark.django_db
ADD = "admin:triggers_sourcerule_add"
GOOD = {
    "event": "price_drop",
    "is_on": "on",
    "model": "host.Ware",
    "change": "fell",
    "field": "price",
    "percent": "10",
    "contact_path": "email",
    "data_paths": "name, price",
}


@pytest.fixture
def keeper() -> Client:
    user = User.objects.create_user("keeper", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["manage_sources", "view_contact"]))
    client = Client()
    client.force_login(user)
    return client


def test_from_the_form_to_the_event(keeper: Client) -> None:
    one = Ware.objects.create(name="Lamp", email="ann@example.com")
    assert keeper.post(reverse(ADD), GOOD).status_code == 302
    assert SourceRule.objects.get().data_paths == ["name", "price"]
    one.price = 8
    one.save()
    assert Event.objects.get(name="price_drop").data == {"name": "Lamp", "price": 8, "from": 10, "to": 8}


def test_only_what_may_be_picked_is_offered(keeper: Client) -> None:
    page = keeper.get(reverse(ADD)).content.decode()
    assert "host.Ware" in page
    assert '<option value="price">' in page
    for name in ("card_number", "api_token", "blob", "internal", "auth.User", "password"):
        assert name not in page


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"event": "Price drop"}, "snake_case"),
        ({"model": "auth.User"}, "auth.User"),
        ({"field": "card_number"}, "card_number"),
        ({"field": ""}, "This change needs it"),
        ({"percent": ""}, "This change needs it"),
        ({"percent": "-5"}, "greater than or equal to 0"),
        ({"change": "became", "value": ""}, "This change needs it"),
        ({"change": "became", "field": "stock", "value": "many"}, "must be an integer"),
        ({"contact_path": "owner.password"}, "password"),
        ({"contact_path": "price"}, "ends neither"),
        ({"data_paths": "name secret"}, "secret"),
        ({"data_paths": "parcel.status"}, "parcel.status"),
    ],
    ids=str,
)
def test_what_is_wrong_is_named_and_nothing_is_saved(
    keeper: Client, change: dict[str, Any], said: str
) -> None:
    page = keeper.post(reverse(ADD), {**GOOD, **change})
    assert page.status_code == 200
    assert said in page.content.decode()
    assert not SourceRule.objects.exists()


def test_the_last_ten_rows(keeper: Client) -> None:
    for number in range(12):
        Ware.objects.create(name=f"Lamp <{number}>", email=f"p{number}@example.com" if number else "")
    keeper.post(reverse(ADD), GOOD)
    page = keeper.get(
        reverse("admin:triggers_sourcerule_change", args=[SourceRule.objects.get().pk])
    ).content.decode()
    assert "p11@example.com" in page
    assert "Lamp &lt;2&gt;" in page
    assert "p1@example.com" not in page


def test_without_the_right_there_is_nothing() -> None:
    user = User.objects.create_user("other", is_staff=True)
    user.user_permissions.set(Permission.objects.exclude(codename="manage_sources"))
    client = Client()
    client.force_login(user)
    assert client.get(reverse(ADD)).status_code == 403
    assert client.post(reverse(ADD), GOOD).status_code == 403


def test_who_may_not_see_contacts_sees_no_addresses() -> None:
    Ware.objects.create(name="Lamp", email="ann@example.com")
    user = User.objects.create_user("keeper", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="manage_sources"))
    client = Client()
    client.force_login(user)
    client.post(reverse(ADD), GOOD)
    page = client.get(reverse("admin:triggers_sourcerule_change", args=[SourceRule.objects.get().pk]))
    assert "ann@example.com" not in page.content.decode()
