"""Addresses parsed to exactly one, or refused: when they are stored and again when something is sent."""

from __future__ import annotations

import re
from typing import NamedTuple

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from triggers.conf import settings
from triggers.exceptions import InvalidAddress

# RFC 5321's longest path, and E.164's longest number with what people put between the digits.
MOST_EMAIL_CHARS = 254
MOST_PHONE_CHARS = 40
# What people put between digits. With letters the parser looks for a number inside a text, and takes the first of two.
PHONE = re.compile(r"[+\uff0b]?[\d \u00a0().\-/\u2010-\u2015]+\Z")


class EmailAddress(NamedTuple):
    """`email` as the person writes it, `key` as two spellings of one mailbox compare equal (used for uniqueness).

    A key is ASCII, other letters are escaped: MariaDB takes `ü` and `u` for one, and would make one of two people.
    """

    email: str
    key: str


def parse_email(text: str) -> EmailAddress:
    """Exactly one e-mail address. Raises InvalidAddress; the length is cut before anything scans it."""
    text = text.strip() if isinstance(text, str) else ""
    if not text or len(text) > MOST_EMAIL_CHARS:
        raise InvalidAddress("an e-mail address has 3 to 254 characters")
    try:
        valid = validate_email(text, check_deliverability=False)
    except EmailNotValidError as error:
        raise InvalidAddress(str(error)) from None
    local = valid.local_part.lower().encode("ascii", "backslashreplace").decode()
    key = f"{local}@{valid.ascii_domain}".lower()
    if len(key) > MOST_EMAIL_CHARS:
        raise InvalidAddress("an e-mail address has 3 to 254 characters")
    return EmailAddress(valid.normalized, key)


def parse_phone(text: str, country: str | None = None) -> str:
    """The number in E.164 (`+49301234567`). Raises InvalidAddress. `country` is for numbers written without one."""
    text = text.strip() if isinstance(text, str) else ""
    if not text or len(text) > MOST_PHONE_CHARS:
        raise InvalidAddress("a phone number has 5 to 40 characters")
    if not PHONE.match(text):
        raise InvalidAddress("a phone number is digits, perhaps with a + before and signs between them")
    try:
        number = phonenumbers.parse(text, country or settings.DEFAULT_COUNTRY)
    except phonenumbers.NumberParseException as error:
        raise InvalidAddress(str(error)) from None
    if not phonenumbers.is_valid_number(number):
        raise InvalidAddress("no such phone number can exist")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
