"""A request's body as plain data: bounded before it is parsed, and never guessed at."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest

from triggers.api.errors import MOST_SHOWN, Refusal
from triggers.conf import settings

# A whole number of more digits fits into no column; reading thousands of them takes Python longer than all the rest.
MOST_DIGITS = 20


def read_json(request: HttpRequest) -> dict[str, Any]:
    """The object in the body. Raises Refusal: 411, 413, 415, or 400 for what is not one JSON object in UTF-8."""
    _check_headers(request)
    try:
        text = _read(request).decode("utf-8")
    except UnicodeDecodeError:
        raise Refusal(400, "", "the body is not UTF-8") from None
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_int=_whole, parse_constant=_constant)
    except RecursionError:
        raise Refusal(400, "", "nested too deep") from None
    except ValueError as error:
        raise Refusal(400, "", f"not JSON: {str(error)[:MOST_SHOWN]}") from None
    if not isinstance(value, dict):
        raise Refusal(400, "", "the body must be an object")
    return value


def _check_headers(request: HttpRequest) -> None:
    if request.content_type != "application/json":
        raise Refusal(415, "Content-Type", "must be application/json")
    if (request.content_params or {}).get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise Refusal(400, "Content-Type", "the charset must be utf-8")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Refusal(415, "Content-Encoding", "must not be compressed")


def _read(request: HttpRequest) -> bytes:
    """No more than may come, whatever the header says; without a length nobody could tell where it ends."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length.isdecimal():
        raise Refusal(411, "Content-Length", "must be given")
    # Compared by length first: the header may have a thousand digits.
    if len(length) > MOST_DIGITS or int(length) > settings.API_BYTES:
        raise Refusal(413, "", f"more than {settings.API_BYTES} bytes")
    try:
        return request.read(settings.API_BYTES + 1)[: settings.API_BYTES + 1]
    except OSError:
        raise Refusal(400, "", "the body did not come to its end") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers of one document with a key twice read two documents."""
    value = dict(pairs)
    if len(value) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _value in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise Refusal(400, _printable(twice), "this key occurs twice")
    return value


def _whole(digits: str) -> int:
    return int(digits[: MOST_DIGITS + 1])


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _printable(text: str) -> str:
    return text.encode(errors="replace").decode()[:MOST_SHOWN]
