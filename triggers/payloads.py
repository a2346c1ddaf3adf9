"""Event data made safe to store and to read back on every database, or refused with the field named."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.functional import Promise

from triggers.conf import settings
from triggers.core.events import EVENT_NAME
from triggers.exceptions import InvalidEvent

MOST_DEPTH = 8
MOST_KEYS = 100
MOST_ELEMENTS = 1000
MOST_KEY_CHARS = 100
MOST_TEXT_CHARS = 10_000
MOST_REF_CHARS = 100
# What a signed 64-bit column holds; MariaDB and JSON readers lose larger ones.
MOST_INTEGER = 2**63 - 1
# From here on a float has no fraction.
EXACT_FLOAT = 2**53
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
# Clocks of two servers differ by minutes, never by a day.
MOST_AHEAD = timedelta(days=1)


def clean_name(name: Any) -> str:
    """An event name. Raises InvalidEvent."""
    if not isinstance(name, str) or not EVENT_NAME.match(name):
        raise InvalidEvent("event", "a name is snake_case, at most 64 characters")
    return name


def clean_moment(moment: Any, now: datetime) -> datetime:
    """When it happened: aware, from 1970 to a day ahead. Raises InvalidEvent."""
    if moment is None:
        return now
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise InvalidEvent("occurred_at", "must be an aware datetime")
    if not EARLIEST <= moment <= now + MOST_AHEAD:
        raise InvalidEvent("occurred_at", "must lie between 1970 and tomorrow")
    return moment


def clean_ref(ref: Any) -> str:
    """What the event is about, e.g. `cart:17`. Raises InvalidEvent."""
    text = clean_text("object_ref", str(ref or ""))
    if len(text) > MOST_REF_CHARS:
        raise InvalidEvent("object_ref", f"longer than {MOST_REF_CHARS} characters")
    return text


def clean_data(data: Any, field: str = "data", most_bytes: int | None = None) -> dict[str, Any]:
    """Plain JSON data: NULs dropped, lone surrogates replaced, decimals and moments converted. Raises InvalidEvent.

    `most_bytes`: its size as JSON, EVENT_BYTES unless told otherwise.
    """
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        raise InvalidEvent(field, "must be an object")
    most = min(most_bytes or settings.EVENT_BYTES, settings.EVENT_BYTES)
    cleaned = _Cleaner(field, most).object(field, data, 1)
    size = len(json.dumps(cleaned, ensure_ascii=False).encode())
    if size > most:
        raise InvalidEvent(field, f"{size} bytes, more than {most}")
    return cleaned


def clean_text(field: str, text: str) -> str:
    """Text without NUL and lone surrogates, which no database stores. Raises InvalidEvent when too long."""
    if len(text) > MOST_TEXT_CHARS:
        raise InvalidEvent(field, f"longer than {MOST_TEXT_CHARS} characters")
    text = text.replace("\0", "")
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class _Cleaner:
    """Walks through the data of one event and stops as soon as it cannot fit any more.

    Without the stop, a list of a thousand lists of a thousand rows would keep the shop's request waiting, only to be
    refused for its size in the end.
    """

    def __init__(self, root: str, most_bytes: int) -> None:
        self.root, self.most_bytes = root, most_bytes
        self.left = most_bytes

    def value(self, field: str, value: Any, depth: int) -> Any:
        # The shortest value and what divides it from the next.
        self._take(2)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str | Promise | UUID):
            # Of a member of a `str` enumeration, its value and not its name.
            return self._text(field, str.__str__(value) if isinstance(value, str) else str(value))
        if isinstance(value, int | float | Decimal):
            return _number(field, value)
        if isinstance(value, datetime | date | time):
            return value.isoformat()
        if isinstance(value, Mapping):
            return self.object(field, value, depth)
        if isinstance(value, list | tuple):
            return self._array(field, value, depth)
        raise InvalidEvent(field, f"{type(value).__name__} cannot be stored")

    def object(self, field: str, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        if depth > MOST_DEPTH:
            raise InvalidEvent(field, f"nested more than {MOST_DEPTH} levels deep")
        if len(value) > MOST_KEYS:
            raise InvalidEvent(field, f"more than {MOST_KEYS} keys")
        cleaned = {}
        for key, one in value.items():
            name = self._text(field, str.__str__(key)) if isinstance(key, str) else ""
            if not name or len(name) > MOST_KEY_CHARS:
                raise InvalidEvent(field, f"a key must be text of 1 to {MOST_KEY_CHARS} characters")
            cleaned[name] = self.value(f"{field}.{name}", one, depth + 1)
        return cleaned

    def _array(self, field: str, value: list[Any] | tuple[Any, ...], depth: int) -> list[Any]:
        if depth > MOST_DEPTH:
            raise InvalidEvent(field, f"nested more than {MOST_DEPTH} levels deep")
        if len(value) > MOST_ELEMENTS:
            raise InvalidEvent(field, f"more than {MOST_ELEMENTS} elements")
        return [self.value(f"{field}[{index}]", one, depth + 1) for index, one in enumerate(value)]

    def _text(self, field: str, text: str) -> str:
        cleaned = clean_text(field, text)
        self._take(len(cleaned))
        return cleaned

    def _take(self, least_bytes: int) -> None:
        self.left -= least_bytes
        if self.left < 0:
            raise InvalidEvent(self.root, f"more than {self.most_bytes} bytes")


def _number(field: str, value: int | float | Decimal) -> int | float:
    if isinstance(value, Decimal):
        value = _from_decimal(field, value)
    if not isinstance(value, int) and not math.isfinite(value):
        raise InvalidEvent(field, "a number must be finite")
    if abs(value) > MOST_INTEGER:
        raise InvalidEvent(field, "a number must fit into 64 bits")
    # Floats this large are whole, and PostgreSQL gives them back as whole numbers.
    return int(value) if isinstance(value, int) or abs(value) >= EXACT_FLOAT else float(value)


def _from_decimal(field: str, value: Decimal) -> int | float:
    if not value.is_finite():
        raise InvalidEvent(field, "a number must be finite")
    number = float(value)
    return int(value) if abs(number) < MOST_INTEGER and value == value.to_integral_value() else number
