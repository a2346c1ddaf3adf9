"""Base of the entry kinds that no event of the contact itself starts: something is about many, and each of them gets an event.

The engine's fan-out writes these events, and they go the way of all events: entry keys, pauses and the one journey at a time
are the same for every kind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from triggers.core.kinds import Admission
from triggers.core.values import EventValue, Value
from triggers.entries.base import Entry

if TYPE_CHECKING:
    from django.db.models import QuerySet


MOST_KEY_CHARS = 100


class Occasion(Value, frozen=True):
    """What a fan-out is about: its name, its moment in UTC, the IANA zone of its contacts, the digest of its trigger.

    `data` is what was announced.
    """

    name: str
    at: datetime
    zone: str
    trigger: str
    data: Mapping[str, Any] = {}


class Slot(Value, frozen=True):
    """What an occasion is to one contact: the name under which it enters once, and the moment from which its journey counts."""

    name: str
    at: datetime


class FannedEntry(Entry):
    """A kind whose events come from fan-outs. Its settings may have a `segment`: nobody else is looked at."""

    # How late a contact's event may be before it is left out instead.
    max_lateness: ClassVar[timedelta] = timedelta(hours=6)

    def event_name(self, config: Any) -> str:
        """The event that a fan-out of this kind writes."""
        raise NotImplementedError

    def choose(
        self, config: Any, occasion: Occasion, contacts: QuerySet[Any], events: QuerySet[Any]
    ) -> QuerySet[Any]:
        """Those of `contacts` whom the occasion concerns; what differs between them stands in an annotation `mark`.

        `contacts` are those of the occasion's zone and of the segment, `events` all events there are. Everything is read in
        slices along the primary key, which the query has to leave to its caller.
        """
        return contacts

    def refresh(self, config: Any, occasion: Occasion, shop: Any) -> Occasion:
        """The occasion as it is when a slice is taken; `shop` is the host's adapter."""
        return occasion

    def marks(
        self, config: Any, occasion: Occasion, contact_ids: Sequence[int], events: QuerySet[Any]
    ) -> Mapping[int, Any]:
        """What differs between the contacts of a slice, when one annotation cannot say it: for all of them at once."""
        return {}

    def slot(self, config: Any, occasion: Occasion, mark: Any) -> Slot | None:
        """The slot of one chosen contact; None when its `mark` says that the occasion does not concern it after all."""
        return Slot(occasion.name, occasion.at)

    def event_data(self, occasion: Occasion, slot: Slot, mark: Any) -> dict[str, Any]:
        """The data of one contact's event. `trigger` is how the chains know it as theirs."""
        return {**occasion.data, "trigger": occasion.trigger, "slot": slot.name}

    def event_names(self, config: Any) -> tuple[str, ...]:
        return (self.event_name(config),)

    def admit(self, config: Any, event: EventValue, wait_scale: float) -> Admission | None:
        if event.data.get("trigger") != digest_of(self.key, config) or event.name != self.event_name(config):
            return None
        # Without the settings: who changes them lets nobody in twice on the same occasion.
        return Admission(_short(f"{self.key}:{event.data.get('slot')}"), since=event.occurred_at)


@lru_cache(maxsize=1024)
def digest_of(kind: str, config: Any) -> str:
    """Identity of a trigger: equal for equal settings, 32 hexadecimal digits."""
    text = msgspec.json.encode([kind, config], order="deterministic")
    return hashlib.sha256(text).hexdigest()[:32]


def _short(key: str) -> str:
    """An entry key that fits into its column."""
    return key if len(key) <= MOST_KEY_CHARS else hashlib.sha256(key.encode()).hexdigest()
