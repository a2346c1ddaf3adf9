"""Who is it? A contact for whatever the shop has in its hand: a contact, one of its users, an address."""

from __future__ import annotations

import logging
from collections.abc import Collection
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from triggers.addresses import parse_email, parse_phone
from triggers.exceptions import InvalidAddress
from triggers.logs import note
from triggers.models import Contact, Visitor
from triggers.payloads import clean_text
from triggers.shop import ContactDetails, get_adapter

logger = logging.getLogger(__name__)

TEXTS = ("first_name", "last_name", "language", "time_zone")


def contact_for(who: Any) -> Contact | None:
    """The contact, made if need be; None for nobody (None, "", an anonymous user, a visitor of whom nothing is known).

    Raises InvalidAddress for a text that is not exactly one e-mail address, and TypeError for other things.
    """
    if isinstance(who, Contact):
        return current(who)
    if isinstance(who, Visitor):
        return who.contact and current(who.contact)
    if who is None or who == "" or getattr(who, "is_anonymous", False):
        return None
    if isinstance(who, str):
        return _by_email(who)
    # Any other row has a key as well, and it is some user's key too.
    if not isinstance(who, get_user_model()) or who.pk is None:
        raise TypeError(f"{type(who).__name__} is not a contact, a saved user or an e-mail address")
    return _by_user(who)


def current(contact: Contact) -> Contact:
    """The contact that this one became; itself, without a statement, when it was merged into nobody."""
    while contact.merged_into_id is not None:
        contact = Contact.objects.get(pk=contact.merged_into_id)
    return contact


def lock_contact(contact: Contact) -> Contact:
    """The contact as it stands now, or the one that it became, until the transaction ends.

    For what must not be written to a contact that is being merged or erased at this moment.
    """
    pk = contact.pk
    while True:
        found = locked({pk})[pk]
        if found.merged_into_id is None:
            return found
        pk = found.merged_into_id


def locked(ids: Collection[int]) -> dict[int, Contact]:
    """Contacts by id, until the transaction ends; one that does not exist is left out.

    A lock that leaves the key alone, where there is one, does not keep the shop from inserting what refers to a contact.
    SQLite has one writer at a time anyway. Locked in the order of ids, so that two transactions cannot block each other.
    """
    no_key = connection.features.has_select_for_no_key_update
    return Contact.objects.select_for_update(no_key=no_key).order_by("pk").in_bulk(ids)


def sync_contact(user: Any) -> Contact:
    """The user's contact with what the shop knows about the user now."""
    details = get_adapter().contact_details(user)
    key = str(user.pk)
    found = Contact.objects.filter(external_id=key).first()
    contact = current(found) if found else _claim_or_create(key, details)
    # Of two accounts that became one contact, the one that stayed says who it is.
    if contact.external_id in (None, key):
        _apply(contact, details)
    _remember(user, contact)
    return contact


def short_text(name: str, text: Any) -> str:
    """A text as the contact's column `name` takes it: cut, without what no database stores."""
    limit = Contact._meta.get_field(name).max_length  # type: ignore[union-attr]
    return clean_text(name, str(text or "")[:limit])


def _by_user(user: Any) -> Contact:
    cached: Contact | None = user.__dict__.get("_triggers_contact")
    if cached is not None:
        return cached
    found = Contact.objects.filter(external_id=str(user.pk)).first()
    contact = current(found) if found else sync_contact(user)
    _remember(user, contact)
    return contact


def _remember(user: Any, contact: Contact) -> None:
    """Spare later look-ups, but only once it is committed: the id of a rolled back contact may become somebody else's.

    Events of one that is merged meanwhile are handed on by the turn.
    """
    transaction.on_commit(partial(user.__dict__.__setitem__, "_triggers_contact", contact))


def _by_email(text: str) -> Contact:
    address = parse_email(text)
    contact, _ = Contact.objects.get_or_create(email_key=address.key, defaults={"email": address.email})
    return current(contact)


def _claim_or_create(external_id: str, details: ContactDetails) -> Contact:
    """A contact that only had the address becomes the user's; otherwise a new one."""
    try:
        key = parse_email(details.email).key
    except InvalidAddress:
        key = None
    owner = Contact.objects.filter(email_key=key).first() if key else None
    if owner is not None:
        unclaimed = Contact.objects.filter(pk=current(owner).pk, external_id__isnull=True)
        if unclaimed.update(external_id=external_id):
            return Contact.objects.get(external_id=external_id)
    contact, _ = Contact.objects.get_or_create(external_id=external_id)
    return current(contact)


def _apply(contact: Contact, details: ContactDetails) -> None:
    """Write what changed. Each address on its own: one that is malformed or taken must not lose the rest."""
    changed = []
    for name in TEXTS:
        text = short_text(name, getattr(details, name))
        if text and text != getattr(contact, name):
            setattr(contact, name, text)
            changed.append(name)
    if details.birthday and details.birthday != contact.birthday:
        contact.birthday = details.birthday
        changed.append("birthday")
    if changed:
        _save(contact, *changed)
    if details.email and details.email != contact.email:
        _set_email(contact, details.email)
    if details.phone:
        _set_phone(contact, details.phone)


def _set_email(contact: Contact, text: str) -> None:
    try:
        contact.email, contact.email_key = parse_email(text)
        with transaction.atomic():
            # One that leads here from a contact that was merged is its own.
            contact.merged.filter(email_key=contact.email_key).update(email="", email_key=None)
            _save(contact, "email", "email_key")
    except (InvalidAddress, IntegrityError) as error:
        contact.refresh_from_db(fields=["email", "email_key"])
        note(logger, logging.WARNING, "contact.keeps_email", contact=contact.pk, why=type(error).__name__)


def _set_phone(contact: Contact, text: str) -> None:
    try:
        phone = parse_phone(text)
        if phone != contact.phone:
            contact.phone = phone
            with transaction.atomic():
                contact.merged.filter(phone=phone).update(phone=None)
                _save(contact, "phone")
    except (InvalidAddress, IntegrityError) as error:
        contact.refresh_from_db(fields=["phone"])
        note(logger, logging.WARNING, "contact.keeps_phone", contact=contact.pk, why=type(error).__name__)


def _save(contact: Contact, *names: str) -> None:
    """Write columns, but nothing to a contact that was merged or erased since it was read."""
    values = {name: getattr(contact, name) for name in names}
    there = Contact.objects.filter(pk=contact.pk, merged_into__isnull=True, erased_at__isnull=True)
    there.update(**values, updated_at=timezone.now())
