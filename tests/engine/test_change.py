"""What chains write to contacts, while the shop writes to the same rows."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread
from unittest.mock import patch

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from tests.build import make_contact
from triggers.contacts import locked
from triggers.core.values import ChangeContact
from triggers.engine import change as module
from triggers.engine.change import change_contacts
from triggers.models import Contact, ContactTag

# As long as another transaction needs to come to the row and find it locked.
A_WHILE = 0.5


def beside(work: Callable[[], object]) -> Thread:
    """Do the work in a transaction of its own, as another process would."""

    def run() -> None:
        try:
            with transaction.atomic():
                work()
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    time.sleep(A_WHILE)
    return thread


@pytest.mark.django_db(transaction=True)
def test_attributes_written_at_the_same_moment_are_both_kept() -> None:
    """Both used to read the old attributes, and the second to write them back without the first."""
    pk = make_contact(agrees=False, attributes={"size": "M"}).pk
    with transaction.atomic():
        change_contacts([(pk, ChangeContact(attributes={"mine": 1}))])
        other = beside(lambda: change_contacts([(pk, ChangeContact(attributes={"theirs": 2}))]))
    other.join()
    assert Contact.objects.get().attributes == {"size": "M", "mine": 1, "theirs": 2}


@pytest.mark.only_on("postgres", "mariadb")
@pytest.mark.django_db(transaction=True)
def test_the_shop_waits_until_attributes_are_written_back() -> None:
    pk = make_contact(agrees=False).pk
    threads: list[Thread] = []

    def read_and_be_overtaken(ids: set[int]) -> dict[int, Contact]:
        found = read(ids)
        threads.append(beside(lambda: Contact.objects.filter(pk=pk).update(attributes={"shop": 1})))
        return found

    read = locked
    with patch.object(module, "locked", read_and_be_overtaken), transaction.atomic():
        change_contacts([(pk, ChangeContact(attributes={"chain": 1}))])
    threads[0].join()
    assert Contact.objects.get().attributes == {"shop": 1}


@pytest.mark.django_db
def test_only_the_columns_that_a_contacts_own_changes_name_are_written() -> None:
    """What one contact's change named used to be written back for all contacts of the batch, as it had been read."""
    one, two, three = (make_contact(number, agrees=False, language="en") for number in (1, 2, 3))
    written: dict[int, set[str]] = {}
    write = QuerySet.bulk_update

    def spy(self: QuerySet, rows: list[Contact], columns: tuple[str, ...]) -> int:
        written.update({row.pk: set(columns) for row in rows})
        return write(self, rows, columns)

    with patch.object(QuerySet, "bulk_update", spy):
        change_contacts(
            [
                (one.pk, ChangeContact(fields={"language": "de"})),
                (two.pk, ChangeContact(attributes={"size": "M"})),
                (three.pk, ChangeContact(fields={"time_zone": "Europe/Paris"})),
                (three.pk, ChangeContact(attributes={"size": "S"})),
                (three.pk, ChangeContact(attributes={"size": "L"})),
            ]
        )
    assert written == {one.pk: {"language"}, two.pk: {"attributes"}, three.pk: {"attributes", "time_zone"}}
    rows = Contact.objects.order_by("pk").values_list("language", "time_zone", "attributes")
    assert list(rows) == [("de", "", {}), ("en", "", {"size": "M"}), ("en", "Europe/Paris", {"size": "L"})]


@pytest.mark.django_db
def test_statements_do_not_grow_with_the_contacts() -> None:
    changes = [
        ChangeContact(fields={"language": "de"}, add_tags=("new",)),
        ChangeContact(attributes={"size": "M"}, remove_tags=("old",)),
    ]

    def statements(first: int, last: int) -> int:
        contacts = [make_contact(number, agrees=False) for number in range(first, last)]
        ContactTag.objects.bulk_create([ContactTag(contact=one, name="old") for one in contacts])
        with CaptureQueriesContext(connection) as queries:
            change_contacts([(one.pk, changes[one.pk % 2]) for one in contacts])
        return len(queries)

    assert statements(1, 3) == statements(3, 33)
    assert (
        ContactTag.objects.filter(name="new").count() == ContactTag.objects.filter(name="old").count() == 16
    )


@pytest.mark.django_db
def test_a_contact_that_is_gone_is_left_out() -> None:
    contact = make_contact(agrees=False)
    gone = (contact.pk + 1, ChangeContact(attributes={"size": "M"}))
    change_contacts([gone, (contact.pk, ChangeContact(attributes={"size": "L"}))])
    assert Contact.objects.get().attributes == {"size": "L"}
