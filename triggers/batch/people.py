"""Contacts of a whole batch of people: found, made and brought up to date together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from django.db import IntegrityError, transaction
from django.utils import timezone

from triggers.addresses import EmailAddress
from triggers.contacts import locked
from triggers.logs import note
from triggers.models import Contact
from triggers.sql import insert_rows, update_rows

logger = logging.getLogger(__name__)

KEYS = ("external_id", "email", "email_key", "phone")
DETAILS = ("first_name", "last_name", "language", "time_zone", "birthday")
COLUMNS = ("uid", *KEYS, *DETAILS, "attributes", "updated_at")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as a caller names them: by the first of the three keys that is given. The other keys, `details` (columns
    of a contact) and `attributes` are what is known besides.

    `complete` gives the same person with all that is known; it is asked only about those who have no contact yet.
    """

    external_id: str | None = None
    email: EmailAddress | None = None
    phone: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    complete: Callable[[], Person] | None = None


def contacts_of(people: Sequence[Person]) -> list[Contact]:
    """The contacts of these people in their order, made and changed as need be, in the caller's transaction.

    At most twelve statements, however many people; more only where several of them want one address. An address that
    is somebody else's stays theirs.
    """
    known = _Known()
    known.load(people)
    people = [_completed(one) if known.find(one) is None else one for one in people]
    missing = [one for one in people if known.find(one) is None]
    if missing:
        # What was not said at first may name a contact that is there.
        known.load(missing)
        insert_rows(Contact, (*COLUMNS, "created_at"), known.rows_of_new(missing), skips_taken=True)
        known.load(missing)
    found = [known.find(one) or _make(one, known) for one in people]
    return _up_to_date(people, found, known)


class _Known:
    """Contacts that these people may be, by each of their keys."""

    def __init__(self) -> None:
        self.rows: dict[int, Contact] = {}
        self.by_external_id: dict[str, Contact] = {}
        self.by_email: dict[str, Contact] = {}
        self.by_phone: dict[str, Contact] = {}
        # Had no user and are now somebody's; not written yet.
        self.claimed: set[int] = set()
        # Addresses of contacts that were merged: they lead to whom it became, and stay where they are.
        self.leading: set[str] = set()

    def load(self, people: Sequence[Person]) -> None:
        """One statement for each kind of key that occurs."""
        self._load("external_id", {one.external_id for one in people if one.external_id})
        self._load("email_key", {one.email.key for one in people if one.email})
        self._load("phone", {one.phone for one in people if one.phone})

    def _load(self, column: str, values: set[str]) -> None:
        if values:
            rows = Contact.objects.filter(**{f"{column}__in": sorted(values)})
            for contact in rows.select_related("merged_into"):
                self.put(contact)

    def put(self, contact: Contact) -> None:
        """Know a contact by its keys; by those of one that was merged, whom it became."""
        kept = contact.merged_into or contact
        who = self.rows.setdefault(kept.pk, kept)
        for mapping, value in (
            (self.by_external_id, contact.external_id),
            (self.by_email, contact.email_key),
            (self.by_phone, contact.phone),
        ):
            if value:
                mapping[value] = who
        if contact.merged_into:
            self.leading |= {one for one in (contact.email_key, contact.phone) if one}
            self.put(kept)

    def find(self, person: Person) -> Contact | None:
        """The person's contact. One that only had the address becomes the user's who has it."""
        by_email = self.by_email.get(person.email.key) if person.email else None
        if not person.external_id:
            return by_email if person.email else self.by_phone.get(person.phone or "")
        if person.external_id not in self.by_external_id and by_email and by_email.external_id is None:
            by_email.external_id = person.external_id
            self.claimed.add(by_email.pk)
            self.put(by_email)
        return self.by_external_id.get(person.external_id)

    def rows_of_new(self, people: Sequence[Person]) -> list[Sequence[Any]]:
        """Rows to insert for those who are not known, without addresses that are somebody's.

        In one order for everybody: two who insert the same people wait for each other's keys.
        """
        now = timezone.now()
        rows = [self._row(one, now) for one in people if self.find(one) is None]
        return sorted(rows, key=lambda row: tuple(str(key or "") for key in row[1:5]))

    def _row(self, person: Person, now: Any) -> Sequence[Any]:
        email = person.email if person.email and person.email.key not in self.by_email else None
        phone = person.phone if person.phone not in self.by_phone else None
        keys = (person.external_id, email.email if email else "", email.key if email else None, phone or None)
        details = [person.details.get(name, None if name == "birthday" else "") for name in DETAILS]
        return (uuid4(), *keys, *details, dict(person.attributes), now, now)

    def changes(self, person: Person, contact: Contact) -> dict[str, Any]:
        """Columns of the contact that the person says are different now."""
        new: dict[str, Any] = {}
        if person.external_id and contact.external_id is None:
            new["external_id"] = person.external_id
        if person.email and self._may_have(self.by_email, person.email.key, contact):
            new |= {"email": person.email.email, "email_key": person.email.key}
        if person.phone and self._may_have(self.by_phone, person.phone, contact):
            new["phone"] = person.phone
        new |= {name: value for name, value in person.details.items() if value}
        new["attributes"] = {**contact.attributes, **person.attributes}
        return {name: value for name, value in new.items() if value != getattr(contact, name)}

    def _may_have(self, known: Mapping[str, Contact], address: str, contact: Contact) -> bool:
        """Whether an address is nobody's, or this contact's and its own."""
        return known.get(address, contact) == contact and address not in self.leading


def _completed(person: Person) -> Person:
    return person.complete() if person.complete else person


def _make(person: Person, known: _Known) -> Contact:
    """For whom no row could be written with all that is known of them: another has one of their addresses."""
    if person.external_id:
        key: dict[str, Any] = {"external_id": person.external_id}
    elif person.email:
        key = {"email_key": person.email.key}
    else:
        key = {"phone": person.phone}
    contact, _is_new = Contact.objects.get_or_create(**key)
    known.put(contact)
    return contact


def _up_to_date(people: Sequence[Person], contacts: Sequence[Contact], known: _Known) -> list[Contact]:
    """Write what is different. Attributes are read, changed and written back, so the rows are locked meanwhile."""
    pairs = list(zip(people, contacts, strict=True))
    ids = known.claimed | {contact.pk for person, contact in pairs if known.changes(person, contact)}
    if ids:
        # One that was merged or erased this moment is written to no more.
        rows = {pk: row for pk, row in locked(ids).items() if not (row.merged_into_id or row.erased_at)}
        for person, contact in pairs:
            row = rows.get(contact.pk)
            for name, value in known.changes(person, row).items() if row else ():
                setattr(row, name, value)
        _write(list(rows.values()))
    return list(contacts)


def _write(contacts: Sequence[Contact]) -> None:
    now = timezone.now()
    for one in contacts:
        one.updated_at = now
    # The guard must be another column than the key, and this one never changes.
    columns = ("id", *COLUMNS)
    rows = [tuple(getattr(one, name) for name in columns) for one in contacts]
    try:
        with transaction.atomic():
            update_rows(Contact, columns, rows, guard="uid")
    except IntegrityError:
        for one in contacts:
            _write_alone(one)


def _write_alone(contact: Contact) -> None:
    """Another process has taken one of the addresses meanwhile: that must not lose the rest."""
    try:
        with transaction.atomic():
            contact.save(update_fields=COLUMNS[1:])
    except IntegrityError as error:
        contact.refresh_from_db(fields=KEYS)
        contact.save(update_fields=[*DETAILS, "attributes", "updated_at"])
        note(logger, logging.WARNING, "contact.keeps_address", contact=contact.pk, why=type(error).__name__)
