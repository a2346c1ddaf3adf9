"""Contacts are put into a chain by name, whatever starts it otherwise."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from triggers.batch.events import record_events
from triggers.clock import DatabaseNow
from triggers.contacts import contact_for
from triggers.crashpoints import crash_point
from triggers.engine.shards import read_clock
from triggers.entries.fanned import digest_of
from triggers.entries.manual import PUT_INTO_CHAIN, ManualEntry
from triggers.exceptions import InvalidEvent
from triggers.models import EVERYWHERE, Chain, Contact, Event, Fanout
from triggers.payloads import clean_data, clean_ref

# Contacts of one transaction.
PART = 1000


def enter(
    chain_key: str,
    contacts: Any,
    *,
    data: Mapping[str, Any] | None = None,
    object_ref: str = "",
    key: str = "",
    depth: int = 0,
) -> int:
    """Put contacts into a live chain. Returns how many got the event for it; those inside already stay where they are.

    `contacts`: a queryset of Contact, or whatever `capture` takes as its contact, or a list of these. With a `key` (a
    campaign's number) each enters once under it, however often this is called; without, each time. In parts of a thousand,
    each a transaction of its own unless the caller has one. Raises InvalidEvent, naming what is wrong, before anybody enters.
    """
    values = _values(chain_key, data, key)
    ref, now, count = clean_ref(object_ref), read_clock(), 0
    for part in _parts(_ids(contacts)):
        with transaction.atomic():
            record_events(
                [
                    Event(
                        contact_id=pk,
                        name=PUT_INTO_CHAIN,
                        occurred_at=now,
                        data=values,
                        object_ref=ref,
                        depth=depth,
                    )
                    for pk in part
                ]
            )
            crash_point("enter.before_commit")
        count += len(part)
    return count


def enter_segment(
    chain_key: str, segment: str, *, data: Mapping[str, Any] | None = None, key: str = ""
) -> None:
    """Put everybody of a segment into a live chain, in an even flow as fan-outs do. Raises InvalidEvent."""
    key = key or uuid.uuid4().hex
    values = _values(chain_key, data, key)
    Fanout.objects.bulk_create(
        [
            Fanout(
                kind=ManualEntry.key,
                trigger=digest_of(ManualEntry.key, chain_key),
                segment=segment,
                slot=key,
                zone=EVERYWHERE,
                due_at=DatabaseNow(),
                next_at=DatabaseNow(),
                data=values,
            )
        ],
        ignore_conflicts=True,
    )


def _values(chain_key: str, data: Mapping[str, Any] | None, key: str) -> dict[str, Any]:
    if not Chain.objects.live().filter(key=chain_key).exists():
        raise InvalidEvent("chain_key", f"there is no live chain {chain_key!r}")
    if len(key) > 80:
        raise InvalidEvent("key", "more than 80 characters")
    return clean_data({**(data or {}), "chain": chain_key, **({"key": key} if key else {})})


def _ids(contacts: Any) -> Iterator[int]:
    """Each contact once, in the order given."""
    if isinstance(contacts, QuerySet) and contacts.model is Contact:
        # A part of a query cannot be put in another order.
        rows = contacts if contacts.query.is_sliced else contacts.order_by("pk")
        yield from rows.values_list("pk", flat=True).iterator(chunk_size=PART)
        return
    several = isinstance(contacts, Iterable) and not isinstance(contacts, str)
    seen: set[int] = set()
    for who in contacts if several else (contacts,):
        contact = contact_for(who)
        if contact is not None and contact.pk not in seen:
            seen.add(contact.pk)
            yield contact.pk


def _parts(ids: Iterator[int]) -> Iterator[list[int]]:
    while part := list(islice(ids, PART)):
        yield part
