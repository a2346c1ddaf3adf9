"""Who is it, for many people at once: the same answers as one by one."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from triggers.addresses import parse_email
from triggers.batch.people import Person, contacts_of
from triggers.models import Contact

pytestmark = pytest.mark.django_db

PHONE = "+12025550123"


def person(external_id: str | None = None, email: str | None = None, **more: Any) -> Person:
    return Person(external_id, parse_email(email) if email else None, **more)


def stored() -> list[tuple[str | None, str, str | None]]:
    return list(Contact.objects.order_by("pk").values_list("external_id", "email", "phone"))


def test_new_ones_are_made_with_all_that_is_known() -> None:
    details = {"first_name": "Ann", "language": "ru", "birthday": date(1990, 2, 28)}
    (contact,) = contacts_of(
        [person("5", "Ann@Example.com", phone=PHONE, details=details, attributes={"level": "gold"})]
    )
    contact.refresh_from_db()
    assert (contact.external_id, contact.email, contact.email_key) == (
        "5",
        "Ann@example.com",
        "ann@example.com",
    )
    assert (contact.phone, contact.first_name, contact.language) == (PHONE, "Ann", "ru")
    assert (contact.birthday, contact.attributes, contact.time_zone) == (
        date(1990, 2, 28),
        {"level": "gold"},
        "",
    )


@pytest.mark.parametrize("key", [{"external_id": "5"}, {"email": "ann@example.com"}, {"phone": PHONE}])
def test_the_same_key_is_the_same_contact(key: dict[str, Any]) -> None:
    email = {"email": parse_email(key["email"])} if "email" in key else {}
    same = Person(**{**key, **email})
    first, second = contacts_of([same, same])
    (third,) = contacts_of([same])
    assert first == second == third
    assert Contact.objects.count() == 1


def test_a_contact_that_only_had_the_address_becomes_the_users() -> None:
    (before,) = contacts_of([person(email="ann@example.com")])
    first, second = contacts_of([person("5", "ANN@example.com"), person("5")])
    assert before == first == second
    assert stored() == [("5", "ANN@example.com", None)]


def test_an_address_is_claimed_once() -> None:
    contacts_of([person(email="ann@example.com")])
    first, second = contacts_of([person("5", "ann@example.com"), person("6", "ann@example.com")])
    assert first != second
    assert stored() == [("5", "ann@example.com", None), ("6", "", None)]


def test_two_new_ones_with_one_address() -> None:
    contacts_of([person("5", "ann@example.com", phone=PHONE), person("6", "ann@example.com", phone=PHONE)])
    assert stored() == [("5", "ann@example.com", PHONE), ("6", "", None)]


def test_an_address_of_somebody_else_stays_theirs() -> None:
    contacts_of([person("5", "ann@example.com", phone=PHONE)])
    contacts_of([person("6", "ann@example.com", phone=PHONE, details={"first_name": "Ben"})])
    assert stored() == [("5", "ann@example.com", PHONE), ("6", "", None)]
    assert Contact.objects.get(external_id="6").first_name == "Ben"


def test_what_is_said_changes_and_the_rest_stays() -> None:
    contacts_of([person("5", "ann@example.com", details={"first_name": "Ann"}, attributes={"a": 1, "b": 1})])
    contacts_of(
        [
            person(
                "5", "new@example.com", details={"last_name": "Lee", "first_name": ""}, attributes={"b": 2}
            ),
            person("5", phone=PHONE, attributes={"c": 3}),
        ]
    )
    contact = Contact.objects.get()
    assert (contact.email, contact.email_key, contact.phone) == ("new@example.com", "new@example.com", PHONE)
    assert (contact.first_name, contact.last_name) == ("Ann", "Lee")
    assert contact.attributes == {"a": 1, "b": 2, "c": 3}


def test_two_who_want_one_address_do_not_cost_each_other_the_rest() -> None:
    contacts_of([person("5"), person("6")])
    contacts_of(
        [
            person("5", "ann@example.com", details={"first_name": "Ann"}),
            person("6", "ann@example.com", details={"first_name": "Ben"}),
        ]
    )
    assert stored() == [("5", "ann@example.com", None), ("6", "", None)]
    assert list(Contact.objects.order_by("pk").values_list("first_name", flat=True)) == ["Ann", "Ben"]
