"""What goes over the wire. The OpenAPI document is made from these types, and requests are checked by them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from triggers.payloads import MOST_REF_CHARS

MOST_AT_ONCE = 100

Key = Annotated[str, Meta(min_length=1, max_length=64)]
Address = Annotated[str, Meta(min_length=3, max_length=254)]
Phone = Annotated[str, Meta(min_length=3, max_length=40, description="International, e.g. +4930123456.")]
Name = Annotated[str, Meta(max_length=150)]
Language = Annotated[str, Meta(max_length=10, pattern="^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})?$")]
Zone = Annotated[str, Meta(max_length=64, description="IANA name, e.g. Europe/Berlin.")]


class Strict(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """A misspelt field is an error, and not a value that silently goes nowhere."""


class Contact(Strict, frozen=True):
    """Who it is: the first given of `external_id`, `email` and `phone` decides. All else needs a key that may write contacts."""

    external_id: Annotated[Key, Meta(description="The shop's own key of its user.")] | UnsetType = UNSET
    email: Address | UnsetType = UNSET
    phone: Phone | UnsetType = UNSET
    first_name: Name | UnsetType = UNSET
    last_name: Name | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    time_zone: Zone | UnsetType = UNSET
    birthday: date | UnsetType = UNSET
    attributes: dict[str, Any] | UnsetType = UNSET


class Consent(Strict, frozen=True):
    """That the contact agreed to marketing on a channel. It lifts no suppression."""

    source: Annotated[str, Meta(min_length=1, max_length=100, description="Where it was given.")]
    text: Annotated[str, Meta(min_length=1, max_length=10_000, description="The words that were agreed to.")]


class Consents(Strict, frozen=True):
    """By channel."""

    email: Consent | UnsetType = UNSET
    sms: Consent | UnsetType = UNSET


class ContactToSave(Contact, frozen=True):
    """A contact with what is to be written about it; what is not given stays as it is."""

    consents: Consents | UnsetType = UNSET


class Event(Strict, frozen=True):
    """Something that happened to a contact."""

    name: Annotated[str, Meta(min_length=1, max_length=64, pattern="^[a-z][a-z0-9_]*$")]
    contact: Contact
    data: dict[str, Any] = {}
    object_ref: Annotated[str, Meta(max_length=MOST_REF_CHARS, description="E.g. order:5.")] = ""
    occurred_at: (
        Annotated[datetime, Meta(tz=True, description="From 1970 to tomorrow; default: now.")] | UnsetType
    ) = UNSET
    idempotency_key: (
        Annotated[Key, Meta(description="Sent again, the event is not written a second time.")] | UnsetType
    ) = UNSET


class Problem(Struct, frozen=True):
    field: str
    message: str


class Result(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What became of one event or contact. `id` is the event's, of a duplicate the first one's; or the contact's."""

    status: Literal["accepted", "duplicate", "refused"]
    id: str | UnsetType = UNSET
    error: Problem | UnsetType = UNSET


class Results(Struct, frozen=True):
    """One result for each event or contact, in the order in which they came."""

    results: list[Result]


class Error(Struct, frozen=True):
    """The whole call was refused."""

    error: Problem


class Events(Strict, frozen=True):
    events: Annotated[list[Event], Meta(min_length=1, max_length=MOST_AT_ONCE)]


class Contacts(Strict, frozen=True):
    contacts: Annotated[list[ContactToSave], Meta(min_length=1, max_length=MOST_AT_ONCE)]


def refused(field: str, message: str) -> Result:
    return Result(status="refused", error=Problem(field, message))
