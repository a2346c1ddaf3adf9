"""Events from a call: each is taken, known already, or refused by name; what is answered for is committed."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db import DatabaseError, transaction
from django.utils import timezone
from msgspec import UNSET

from triggers.api import schema
from triggers.api.errors import place_of
from triggers.api.person import person_of
from triggers.api.schema import Result, refused
from triggers.batch.events import record_events
from triggers.batch.people import Person, contacts_of
from triggers.capturing import announce
from triggers.crashpoints import crash_point
from triggers.exceptions import InvalidEvent
from triggers.logs import note
from triggers.models import ApiKey, ApiReceipt, Event
from triggers.payloads import clean_data, clean_moment, clean_name, clean_ref
from triggers.signals import event_captured
from triggers.sql import insert_rows
from triggers.transient import is_read_only, is_transient

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Draft:
    """An event that may be written, whom it is about, and the digest of its idempotency key."""

    event: Event
    person: Person
    receipt: UUID | None


def take_events(given: Sequence[Any], key: ApiKey) -> list[Result]:
    """A result for each event, in their order. Raises errors of the database that say nothing about the events."""
    now = timezone.now()
    prepared = [_prepare(one, key, now) for one in given]
    written = iter(_write([one for one in prepared if isinstance(one, Draft)]))
    return [next(written) if isinstance(one, Draft) else one for one in prepared]


def _prepare(given: Any, key: ApiKey, now: datetime) -> Draft | Result:
    try:
        said = msgspec.convert(given, schema.Event)
        name = clean_name(said.name)
        if not key.may_send(name):
            return refused("name", "this key may not send this event")
        event = Event(
            name=name,
            occurred_at=clean_moment(None if said.occurred_at is UNSET else said.occurred_at, now),
            data=clean_data(said.data),
            object_ref=clean_ref(said.object_ref),
        )
        receipt = None if said.idempotency_key is UNSET else _receipt(key, said.idempotency_key)
        return Draft(event, person_of(said.contact, key), receipt)
    except msgspec.ValidationError as error:
        return refused(*place_of(error))
    except InvalidEvent as error:
        return refused(error.field, error.problem)
    except RecursionError:
        return refused("", "nested too deep")
    except UnicodeEncodeError:
        return refused("", "holds a lone surrogate")


def _receipt(key: ApiKey, text: str) -> UUID:
    """Keys of one name are one caller, so that a repeat after a change of keys is known again."""
    said = f"{key.name}\0{text}".encode(errors="surrogatepass")
    # With the marks of a version, because MariaDB takes a uuid without them for nought.
    return UUID(bytes=hashlib.sha256(said).digest()[:16], version=5)


def _write(drafts: Sequence[Draft]) -> list[Result]:
    """All in one transaction; one by one when the database does not take one of them."""
    if not drafts:
        return []
    try:
        with transaction.atomic(durable=True):
            first = _claim(drafts)
            new = [one for one in drafts if _is_first(one, first)]
            for one, contact in zip(new, contacts_of([one.person for one in new]), strict=True):
                one.event.contact = contact
            record_events([one.event for one in new])
            crash_point("api.before_commit")
        crash_point("api.after_commit")
    except DatabaseError as error:
        if is_transient(error) or is_read_only(error):
            raise
        return _write_alone(drafts, error)
    for one in new:
        announce(event_captured, event=one.event)
    return [_result(one, first) for one in drafts]


def _write_alone(drafts: Sequence[Draft], error: DatabaseError) -> list[Result]:
    if len(drafts) > 1:
        return [result for one in drafts for result in _write([one])]
    note(logger, logging.ERROR, "api.not_stored", event=drafts[0].event.name, error=error)
    return [refused("", "could not be stored")]


def _claim(drafts: Sequence[Draft]) -> dict[UUID, UUID]:
    """Uid of the event that came first under each idempotency key of the batch, this one's or an earlier one's.

    Who writes the same key at the same moment waits here until the other has committed. In the order of keys, so that
    two transactions cannot block each other.
    """
    first: dict[UUID, UUID] = {}
    for one in drafts:
        if one.receipt:
            first.setdefault(one.receipt, one.event.uid)
    insert_rows(ApiReceipt, ("key", "event_uid"), sorted(first.items()), stamped="at", skips_taken=True)
    # Who came first is asked of the table, and not concluded from what was inserted.
    stored = ApiReceipt.objects.filter(key__in=first) if first else ()
    return first | {one.key: one.event_uid for one in stored}


def _is_first(draft: Draft, first: dict[UUID, UUID]) -> bool:
    return draft.receipt is None or first[draft.receipt] == draft.event.uid


def _result(draft: Draft, first: dict[UUID, UUID]) -> Result:
    if _is_first(draft, first):
        return Result(status="accepted", id=str(draft.event.uid))
    assert draft.receipt is not None
    return Result(status="duplicate", id=str(first[draft.receipt]))
