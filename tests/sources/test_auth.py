"""Django's own users: who signs up, who logs in, and who is nobody's business."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings

from tests.rollback import rolled_back
from triggers.models import Contact, Event
from triggers.shop import ShopAdapter

pytestmark = pytest.mark.django_db


def events() -> list[tuple[str, str | None]]:
    return list(Event.objects.order_by("pk").values_list("name", "contact__external_id"))


def test_a_new_user_signed_up() -> None:
    user = User.objects.create_user("ann", "Ann@example.com", first_name="Ann")
    assert events() == [("sign_up", str(user.pk))]
    contact = Contact.objects.get()
    assert (contact.email, contact.first_name) == ("Ann@example.com", "Ann")


def test_saving_a_user_again_is_no_sign_up() -> None:
    user = User.objects.create_user("ann", "ann@example.com")
    user.first_name = "Ann"
    user.save()
    assert len(events()) == 1


def test_a_login_brings_the_contact_up_to_date(client: Client) -> None:
    user = User.objects.create_user("ann", "old@example.com", "secret")
    User.objects.filter(pk=user.pk).update(email="new@example.com", first_name="Ann")
    assert client.login(username="ann", password="secret")
    assert [name for name, _ in events()] == ["sign_up", "login"]
    contact = Contact.objects.get()
    assert (contact.email_key, contact.first_name) == ("new@example.com", "Ann")


@pytest.mark.parametrize("kind", [{"is_staff": True}, {"is_staff": True, "is_superuser": True}])
def test_staff_are_no_customers(client: Client, kind: dict[str, bool]) -> None:
    user = User.objects.create_user("boss", "boss@example.com", "secret", **kind)
    client.force_login(user)
    assert not events()
    assert not Contact.objects.exists()


def test_a_wrong_password_is_no_login() -> None:
    User.objects.create_user("ann", "ann@example.com", "secret")
    assert authenticate(username="ann", password="wrong") is None
    assert [name for name, _ in events()] == ["sign_up"]


def test_a_user_without_an_address_is_a_contact_too() -> None:
    User.objects.create_user("ann")
    assert events()
    assert Contact.objects.get().email_key is None


def test_fixtures_are_no_sign_ups(tmp_path: Any) -> None:
    """`loaddata` restores a backup: nobody signs up again."""
    User.objects.create_user("ann", "ann@example.com")
    backup = tmp_path / "users.json"
    call_command("dumpdata", "auth.user", output=str(backup), verbosity=0)
    User.objects.all().delete()
    Event.objects.all().delete()
    call_command("loaddata", str(backup), verbosity=0)
    assert User.objects.exists()
    assert not events()


def test_a_rolled_back_sign_up_never_was() -> None:
    with rolled_back():
        User.objects.create_user("ann", "ann@example.com")
    assert not events()
    assert not Contact.objects.exists()


class BrokenAdapter(ShopAdapter):
    def contact_details(self, user: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT gone FROM no_such_table")


def test_a_broken_adapter_keeps_nobody_out(client: Client) -> None:
    with override_settings(TRIGGERS={"SHOP_ADAPTER": f"{__name__}.BrokenAdapter"}):
        user = User.objects.create_user("ann", "ann@example.com", "secret")
        assert client.login(username="ann", password="secret")
    assert User.objects.get() == user
    assert not events()
