"""API keys in the admin: shown once, for those with the right, and never changed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from tests.api.conftest import ADDRESS
from triggers.api.keys import make_key
from triggers.models import ApiKey

pytestmark = pytest.mark.django_db
ADD = "admin:triggers_apikey_add"
LIST = "admin:triggers_apikey_changelist"


@pytest.fixture
def keeper() -> Client:
    """Staff with this one right."""
    user = User.objects.create_user("keeper", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="manage_api_keys"))
    client = Client()
    client.force_login(user)
    return client


def test_it_is_shown_once_and_works(keeper: Client) -> None:
    page = keeper.post(reverse(ADD), {"name": "erp", "kind": "server", "events": "login, purchase"})
    assert "no-store" in page["Cache-Control"]
    (text,) = set(re.findall(r"trg_\w{8}_[\w-]{43}", page.content.decode()))
    key = ApiKey.objects.get()
    assert key.created_by
    assert (key.events, key.may_write_contacts, key.created_by.get_username()) == (
        ["login", "purchase"],
        False,
        "keeper",
    )
    for address in (reverse(LIST), reverse("admin:triggers_apikey_change", args=[key.pk])):
        assert text not in keeper.get(address).content.decode()
    answer = Client().post(
        f"{ADDRESS}events",
        {"name": "login", "contact": {"email": "ann@example.com"}},
        content_type="application/json",
        headers={"authorization": f"Bearer {text}"},
    )
    assert answer.json()["results"][0]["status"] == "accepted"


@pytest.mark.parametrize("events", ["Log-in", "login;purchase", "login **", "x" * 6_000])
def test_names_that_are_none_are_named(keeper: Client, events: str) -> None:
    page = keeper.post(reverse(ADD), {"name": "erp", "kind": "server", "events": events})
    assert "errorlist" in page.content.decode()
    assert not ApiKey.objects.exists()


def test_revoked_and_not_deleted(keeper: Client) -> None:
    key, _text = make_key(name="erp", events=["*"])
    keeper.post(reverse(LIST), {"action": "revoke", "_selected_action": [key.pk]})
    key.refresh_from_db()
    assert key.revoked_at
    assert (
        keeper.post(reverse("admin:triggers_apikey_delete", args=[key.pk]), {"post": "yes"}).status_code
        == 403
    )


def test_without_the_right_there_is_nothing() -> None:
    key, _text = make_key(name="erp", events=["*"])
    user = User.objects.create_user("other", is_staff=True)
    user.user_permissions.set(Permission.objects.exclude(codename="manage_api_keys"))
    client = Client()
    client.force_login(user)
    pages: list[Any] = [reverse(LIST), reverse(ADD), reverse("admin:triggers_apikey_change", args=[key.pk])]
    assert [client.get(page).status_code for page in pages] == [403, 403, 403]
    assert client.post(reverse(LIST), {"action": "revoke", "_selected_action": [key.pk]}).status_code == 403
    assert "API keys" not in client.get(reverse("admin:index")).content.decode()
