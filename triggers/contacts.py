"""Who is it? A contact for whatever the shop has in its hand: a contact, one of its users, an address."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction

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
        return who
    if isinstance(who, Visitor):
        return who.contact
    if who is None or who == "" or getattr(who, "is_anonymous", False):
        return None
    if isinstance(who, str):
        return _by_email(who)
    # Any other row has a key as well, and it is some user's key too.
    if not isinstance(who, get_user_model()) or who.pk is None:
        raise TypeError(f"{type(who).__name__} is not a contact, a saved user or an e-mail address")
    return _by_user(who)


def sync_contact(user: Any) -> Contact:
    """The user's contact with what the shop knows about the user now."""
    details = get_adapter().contact_details(user)
    key = str(user.pk)
    contact = Contact.objects.filter(external_id=key).first() or _claim_or_create(key, details)
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
    contact = Contact.objects.filter(external_id=str(user.pk)).first() or sync_contact(user)
    _remember(user, contact)
    return contact


def _remember(user: Any, contact: Contact) -> None:
    """Spare later look-ups, but only once it is committed: the id of a rolled back contact may become somebody else's."""
    transaction.on_commit(partial(user.__dict__.__setitem__, "_triggers_contact", contact))


def _by_email(text: str) -> Contact:
    address = parse_email(text)
    contact, _ = Contact.objects.get_or_create(email_key=address.key, defaults={"email": address.email})
    return contact


def _claim_or_create(external_id: str, details: ContactDetails) -> Contact:
    """A contact that only had the address becomes the user's; otherwise a new one."""
    try:
        key = parse_email(details.email).key
    except InvalidAddress:
        key = None
    unclaimed = (
        Contact.objects.filter(email_key=key, external_id__isnull=True) if key else Contact.objects.none()
    )
    if unclaimed.update(external_id=external_id):
        return Contact.objects.get(external_id=external_id)
    contact, _ = Contact.objects.get_or_create(external_id=external_id)
    return contact


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
        contact.save(update_fields=[*changed, "updated_at"])
    if details.email and details.email != contact.email:
        _set_email(contact, details.email)
    if details.phone:
        _set_phone(contact, details.phone)


def _set_email(contact: Contact, text: str) -> None:
    try:
        address = parse_email(text)
        contact.email, contact.email_key = address
        with transaction.atomic():
            contact.save(update_fields=["email", "email_key", "updated_at"])
    except (InvalidAddress, IntegrityError) as error:
        contact.refresh_from_db(fields=["email", "email_key"])
        note(logger, logging.WARNING, "contact.keeps_email", contact=contact.pk, why=type(error).__name__)


def _set_phone(contact: Contact, text: str) -> None:
    try:
        phone = parse_phone(text)
        if phone != contact.phone:
            contact.phone = phone
            with transaction.atomic():
                contact.save(update_fields=["phone", "updated_at"])
    except (InvalidAddress, IntegrityError) as error:
        contact.refresh_from_db(fields=["phone"])
        note(logger, logging.WARNING, "contact.keeps_phone", contact=contact.pk, why=type(error).__name__)
