"""What the API says when it refuses: a status, the field, a sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from triggers.exceptions import TriggersError

# "Expected `str`, got `int` - at `$.contact.email`", as msgspec words it.
PLACE = re.compile(r" - at `\$\.?(?P<path>[^`]*)`\Z")
NAMED = re.compile(r"field `(?P<name>[^`]*)`")
MOST_SHOWN = 100


class Refusal(TriggersError):
    """The whole call is refused."""

    def __init__(
        self, status: int, field: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status, self.field, self.message, self.headers = status, field, message, dict(headers or {})
        super().__init__(f"{status} {field}: {message}")


def place_of(error: msgspec.ValidationError) -> tuple[str, str]:
    """Field and sentence of a value that does not fit its type."""
    text = str(error)
    found = PLACE.search(text)
    path, message = (found["path"], text[: found.start()]) if found else ("", text)
    named = NAMED.search(message)
    if named:
        path = f"{path}.{named['name']}" if path else named["name"]
    return path[:MOST_SHOWN], message.replace("`", "")[: 2 * MOST_SHOWN]
