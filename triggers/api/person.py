"""The contact of a call, cleaned: whom it names and what it says of them."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from msgspec import UNSET

from triggers.addresses import parse_email, parse_phone
from triggers.api.schema import Contact
from triggers.batch.people import DETAILS, Person
from triggers.exceptions import InvalidAddress, InvalidEvent
from triggers.models import ApiKey
from triggers.payloads import clean_data, clean_text

NAMES = ("external_id", "email", "phone")


def person_of(given: Contact, key: ApiKey, field: str = "contact.") -> Person:
    """Raises InvalidEvent with the field's path, which begins with `field`."""
    said = {name: value for name in given.__struct_fields__ if (value := getattr(given, name)) is not UNSET}
    named = [name for name in NAMES if name in said]
    if not named:
        raise InvalidEvent(field.rstrip("."), f"needs one of {', '.join(NAMES)}")
    more = [name for name in said if name != named[0]]
    if more and not key.may_write_contacts:
        raise InvalidEvent(f"{field}{more[0]}", "this key may not write contacts")
    return Person(
        external_id=_text(said, "external_id", field),
        email=_address(parse_email, said, "email", field),
        phone=_address(parse_phone, said, "phone", field),
        details={name: _detail(said, name, field) for name in DETAILS if name in said},
        attributes=clean_data(said.get("attributes"), f"{field}attributes"),
    )


def _text(said: dict[str, Any], name: str, field: str) -> str | None:
    if name not in said:
        return None
    text = clean_text(f"{field}{name}", said[name])
    if not text:
        raise InvalidEvent(f"{field}{name}", "must not be empty")
    return text


def _address(parse: Any, said: dict[str, Any], name: str, field: str) -> Any:
    if name not in said:
        return None
    try:
        return parse(said[name])
    except InvalidAddress as error:
        raise InvalidEvent(f"{field}{name}", str(error)) from None


def _detail(said: dict[str, Any], name: str, field: str) -> Any:
    value = said[name]
    if name == "time_zone" and value:
        try:
            ZoneInfo(value)
        except (ValueError, OSError, LookupError):
            raise InvalidEvent(f"{field}{name}", "no such time zone") from None
    return clean_text(f"{field}{name}", value).strip() if isinstance(value, str) else value
