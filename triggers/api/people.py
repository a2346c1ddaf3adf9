"""Contacts from a call: made or brought up to date, with the consents that were given elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from django.db import DatabaseError, transaction
from msgspec import UNSET, UnsetType

from triggers import consent
from triggers.api import schema
from triggers.api.errors import place_of
from triggers.api.person import person_of
from triggers.api.schema import Result, refused
from triggers.batch.people import Person, contacts_of
from triggers.crashpoints import crash_point
from triggers.exceptions import InvalidEvent
from triggers.logs import note
from triggers.models import ApiKey, Channel, Contact
from triggers.payloads import clean_text
from triggers.transient import is_read_only, is_transient

logger = logging.getLogger(__name__)


class Draft(NamedTuple):
    """A contact that may be written, and its consents as channel, source and text."""

    person: Person
    consents: list[tuple[str, str, str]]


def save_contacts(given: Sequence[Any], key: ApiKey) -> list[Result]:
    """A result for each contact, in their order. Raises errors of the database that say nothing about the contacts."""
    prepared = [_prepare(one, key) for one in given]
    written = iter(_write([one for one in prepared if isinstance(one, Draft)]))
    return [next(written) if isinstance(one, Draft) else one for one in prepared]


def _prepare(given: Any, key: ApiKey) -> Draft | Result:
    try:
        said = msgspec.convert(given, schema.ContactToSave)
        return Draft(person_of(said, key, ""), _consents(said.consents))
    except msgspec.ValidationError as error:
        return refused(*place_of(error))
    except InvalidEvent as error:
        return refused(error.field, error.problem)
    except RecursionError:
        return refused("", "nested too deep")
    except UnicodeEncodeError:
        return refused("", "holds a lone surrogate")


def _consents(said: schema.Consents | UnsetType) -> list[tuple[str, str, str]]:
    if said is UNSET:
        return []
    given = ((channel.value, getattr(said, channel.value)) for channel in Channel)
    return [(channel, *_cleaned(channel, one)) for channel, one in given if one is not UNSET]


def _cleaned(channel: str, given: schema.Consent) -> tuple[str, str]:
    """A consent nobody can prove is none, so neither may be blank."""
    texts = {
        name: clean_text(f"consents.{channel}.{name}", getattr(given, name)) for name in ("source", "text")
    }
    for name, text in texts.items():
        if not text.strip():
            raise InvalidEvent(f"consents.{channel}.{name}", "must not be empty")
    return texts["source"], texts["text"]


def _write(drafts: Sequence[Draft]) -> list[Result]:
    """All in one transaction; one by one when the database does not take one of them."""
    if not drafts:
        return []
    try:
        with transaction.atomic(durable=True):
            contacts = contacts_of([one.person for one in drafts])
            for one, contact in zip(drafts, contacts, strict=True):
                _agree(contact, one)
            crash_point("api.contacts_written")
    except DatabaseError as error:
        if is_transient(error) or is_read_only(error):
            raise
        if len(drafts) > 1:
            return [result for one in drafts for result in _write([one])]
        note(logger, logging.ERROR, "api.contact_not_stored", error=error)
        return [refused("", "could not be stored")]
    return [Result(status="accepted", id=str(contact.uid)) for contact in contacts]


def _agree(contact: Contact, draft: Draft) -> None:
    """A system that says so is not the contact: it lifts no refusal."""
    for channel, source, text in draft.consents:
        consent.grant(contact, channel, source=source, text=text, lifts=False)
