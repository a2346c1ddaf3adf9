"""Who is it? One contact for one person, and never one for two."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import override_settings
from django.utils.functional import SimpleLazyObject

from tests.build import make_contact
from tests.host.models import Parcel
from triggers.contacts import contact_for, sync_contact
from triggers.exceptions import InvalidAddress
from triggers.models import Contact, ContactTag
from triggers.shop import ContactDetails, ShopAdapter

pytestmark = pytest.mark.django_db


class Adapter(ShopAdapter):
    """Says about everybody what a test wants."""

    known = ContactDetails()

    def contact_details(self, user: Any) -> ContactDetails:
        return self.known


@pytest.fixture(autouse=True)
def _our_adapter(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(Adapter, "known", ContactDetails())
    with override_settings(TRIGGERS={"SHOP_ADAPTER": f"{__name__}.Adapter"}):
        yield


def make_user(name: str = "ann", **fields: Any) -> User:
    """A user of whom no signal has told us yet."""
    User.objects.bulk_create([User(username=name, **fields)])
    return User.objects.get(username=name)


def knows(**details: Any) -> None:
    Adapter.known = ContactDetails(**details)


@pytest.mark.parametrize("other", ["ann@example.com", " ANN@Example.COM ", "Ann@example.com"])
def test_two_spellings_of_one_address_are_one_contact(other: str) -> None:
    first = contact_for("Ann@example.com")
    assert contact_for(other) == first
    assert Contact.objects.get().email == "Ann@example.com"


@pytest.mark.parametrize(
    "other", ["muller@example.com", "mülier@example.com", "mu\u0308ler@example.com", "müller@exämple.com"]
)
def test_people_who_look_alike_stay_two(other: str) -> None:
    """MariaDB takes ü and u for one letter: their owners used to become one contact."""
    assert contact_for("müller@example.com") != contact_for(other)
    assert Contact.objects.count() == 2


@pytest.mark.parametrize("who", [None, ""])
def test_nobody(who: Any) -> None:
    assert contact_for(who) is None


def test_a_contact_is_itself() -> None:
    contact = make_contact(agrees=False)
    assert contact_for(contact) is contact
    assert contact_for(SimpleLazyObject(lambda: contact)) == contact


@pytest.mark.parametrize("text", [" ", "ann", "a@b.c, evil@e.com", "a\0@b.c"])
def test_a_text_that_is_not_one_address(text: str) -> None:
    with pytest.raises(InvalidAddress):
        contact_for(text)


@pytest.mark.parametrize("who", [5, b"a@b.c", ["a@b.c"], User(username="unsaved"), Parcel(pk=1)])
def test_what_is_nobody_we_know_is_an_error(who: Any) -> None:
    with pytest.raises(TypeError):
        contact_for(who)


def test_another_model_with_a_users_key_is_not_that_user() -> None:
    """`capture("purchase", contact=order)` used to go to the user whose id the order happens to have."""
    user = make_user()
    contact_for(user)
    with pytest.raises(TypeError, match="Parcel"):
        contact_for(Parcel.objects.create(pk=user.pk, number="1"))


def test_a_user_brings_what_the_shop_knows() -> None:
    knows(
        email="Ann@Example.com",
        phone="+1 202 555 0142",
        first_name="Ann",
        last_name="Lee",
        language="de",
        time_zone="Europe/Berlin",
        birthday=date(1990, 2, 28),
    )
    contact = contact_for(SimpleLazyObject(make_user))
    assert contact is not None
    contact.refresh_from_db()
    assert (contact.email, contact.email_key, contact.phone) == (
        "Ann@example.com",
        "ann@example.com",
        "+12025550142",
    )
    assert (contact.first_name, contact.last_name, contact.language) == ("Ann", "Lee", "de")
    assert contact.birthday == date(1990, 2, 28)
    assert contact.zone.key == "Europe/Berlin"


def test_an_address_that_was_here_before_the_account_becomes_the_users() -> None:
    before = contact_for("ann@example.com")
    knows(email="ANN@example.com")
    user = make_user()
    assert contact_for(user) == before
    assert Contact.objects.get().external_id == str(user.pk)


def test_an_address_of_another_user_is_not_taken_from_him() -> None:
    knows(email="ann@example.com", first_name="Ann")
    first = contact_for(make_user("ann"))
    knows(email="ann@example.com", first_name="Eve")
    second = contact_for(make_user("eve"))
    assert first
    assert second
    assert first != second
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.email, first.first_name) == ("ann@example.com", "Ann")
    assert (second.email, second.email_key, second.first_name) == ("", None, "Eve")


@pytest.mark.parametrize(
    ("details", "kept"),
    [
        ({"email": "not an address"}, {"first_name": "Ann", "email": "", "phone": "+12025550142"}),
        ({"phone": "not a phone"}, {"first_name": "Ann", "email": "ann@example.com", "phone": None}),
        (
            {"last_name": "L\0e\ud800"},
            {"first_name": "Ann", "last_name": "Le\ufffd", "email": "ann@example.com"},
        ),
        ({"last_name": "x" * 100_000}, {"last_name": "x" * 150, "email": "ann@example.com"}),
        ({"language": "a-language-that-is-long"}, {"language": "a-language", "email": "ann@example.com"}),
        ({"last_name": None, "language": None}, {"last_name": "", "email": "ann@example.com"}),
        ({"time_zone": "no/zone"}, {"time_zone": "no/zone", "email": "ann@example.com"}),
    ],
    ids=lambda details: next(iter(details)),
)
def test_one_bad_detail_does_not_lose_the_rest(details: dict[str, Any], kept: dict[str, Any]) -> None:
    knows(**{"email": "ann@example.com", "phone": "+1 202 555 0142", "first_name": "Ann"} | details)
    contact = contact_for(make_user())
    assert contact is not None
    stored = Contact.objects.get()
    assert {name: getattr(stored, name) for name in kept} == kept
    assert stored.zone.key == "UTC"


def test_a_phone_of_somebody_else_stays_his() -> None:
    knows(phone="+1 202 555 0142")
    contact_for(make_user("ann"))
    contact_for(make_user("eve"))
    assert sorted(Contact.objects.values_list("phone", flat=True), key=str) == ["+12025550142", None]


def test_what_is_empty_in_the_shop_leaves_the_contact_as_it_is() -> None:
    user = make_user()
    knows(email="ann@example.com", first_name="Ann", phone="+1 202 555 0142", birthday=date(1990, 1, 1))
    sync_contact(user)
    knows()
    contact = sync_contact(user)
    contact.refresh_from_db()
    assert (contact.email, contact.first_name, contact.phone) == ("ann@example.com", "Ann", "+12025550142")
    assert contact.birthday == date(1990, 1, 1)


def test_a_new_address_is_taken_over() -> None:
    user = make_user()
    knows(email="old@example.com")
    sync_contact(user)
    knows(email="new@example.com")
    assert sync_contact(user).email_key == "new@example.com"
    assert Contact.objects.get().email == "new@example.com"


def test_customers_and_tags_are_compared_letter_by_letter() -> None:
    """MariaDB took "x" and "X" for one customer."""
    one, other = (make_contact(n, external_id=key) for n, key in enumerate(("x", "X")))
    assert Contact.objects.get(external_id="X") == other
    for tag in ("vip", "VIP"):
        ContactTag.objects.create(contact=one, name=tag)
    assert one.tags.count() == 2
