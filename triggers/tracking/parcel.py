"""What a browser may say, read with suspicion: a parcel of browsing events about itself, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from triggers.conf import settings
from triggers.exceptions import InvalidEvent
from triggers.payloads import clean_data, clean_name, clean_ref

MOST_BYTES = 65_536
MOST_EVENTS = 20
MOST_EVENT_BYTES = 4_096
# A parcel that waited for a network is told about later; longer than this it is not worth it.
MOST_AGE = timedelta(hours=24)
# Query parameters of an address that say nothing secret: links in letters and resets of passwords carry tokens.
MOST_ADDRESS_CHARS = 2_000
KEPT_PARAMETERS = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content", "utm_id")
ADDRESSES = ("page_location", "page_referrer", "link_url")


class Told(msgspec.Struct, frozen=True):
    """One event of a parcel; `age` is how many milliseconds ago it happened, as the browser counts."""

    name: str
    age: Annotated[float, msgspec.Meta(ge=0)] = 0
    data: dict[str, Any] = {}
    ref: str = ""


class Parcel(msgspec.Struct, frozen=True):
    """`id` is the browser's own: a parcel that comes again under it was recorded already."""

    id: Annotated[str, msgspec.Meta(min_length=8, max_length=64)]
    events: Annotated[list[Told], msgspec.Meta(min_length=1, max_length=MOST_EVENTS)]


class Visit(msgspec.Struct, frozen=True):
    """An event of a parcel, fit to be stored."""

    name: str
    age: timedelta
    data: dict[str, Any]
    object_ref: str


def read_parcel(body: bytes) -> Parcel:
    """The parcel in a request's body. Raises InvalidEvent for anything else."""
    try:
        return msgspec.json.decode(body, type=Parcel)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidEvent("parcel", "not a parcel of events") from None


def visits(parcel: Parcel) -> Iterator[Visit]:
    """Those of its events that a browser may tell of and that can be stored; one that is bad costs no other."""
    for told in parcel.events:
        try:
            visit = _visit(told)
        except InvalidEvent:
            continue
        if visit is not None:
            yield visit


def _visit(told: Told) -> Visit | None:
    name, age = clean_name(told.name), min(timedelta(milliseconds=min(told.age, 1e9)), MOST_AGE)
    if name not in settings.BROWSER_EVENTS:
        return None
    data = clean_data(told.data, most_bytes=MOST_EVENT_BYTES)
    for key in ADDRESSES:
        if isinstance(data.get(key), str):
            data[key] = without_secrets(data[key])
    return Visit(name, age, data, clean_ref(told.ref))


def without_secrets(address: str) -> str:
    """An http(s) address without fragment, login and the parameters that may hold a token; "" for other schemes."""
    try:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https", ""):
            return ""
        kept = [(key, value) for key, value in parse_qsl(parts.query) if key in KEPT_PARAMETERS]
        place = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, place, parts.path, urlencode(kept), ""))[:MOST_ADDRESS_CHARS]
    except ValueError:
        return ""
