"""`capture_many`: many events in as many statements as a few."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from triggers.addresses import parse_email, parse_phone
from triggers.batch.people import Person, contacts_of
from triggers.capturing import announce, report_failures
from triggers.contacts import TEXTS, short_text
from triggers.crashpoints import crash_point
from triggers.exceptions import InvalidAddress, InvalidEvent
from triggers.models import SHARDS, Contact, Event, PendingEvent
from triggers.payloads import clean_data, clean_moment, clean_name, clean_ref
from triggers.shop import get_adapter
from triggers.signals import event_captured
from triggers.sql import insert_rows
from triggers.transient import is_transient

# Events of one savepoint.
PART = 1000
ARGUMENTS = {"name", "contact", "data", "object_ref", "occurred_at"}


@dataclass(frozen=True, slots=True)
class Captured:
    """What became of one event: it was written, or why not. Neither, when it is about nobody."""

    event: Event | None = None
    error: Exception | None = None


def capture_many(events: Iterable[Mapping[str, Any]]) -> list[Captured]:
    """`capture` for many events, each given as a dictionary of its arguments. Answers for each, in their order.

    Twenty statements at most for a thousand events. Never raises: a bad event is logged and counted as by `capture`,
    and the others are written all the same.
    """
    results: list[Captured] = []
    try:
        iterator = iter(events)
        while part := list(islice(iterator, PART)):
            results += _capture(part)
    except Exception as error:
        report_failures([("capture_many", error)])
    return results


def record_events(events: Sequence[Event]) -> None:
    """Write events that are clean and know their contacts, in the caller's transaction. Two statements."""
    columns = ("uid", "contact_id", "name", "occurred_at", "data", "object_ref", "depth")
    rows = [[getattr(one, name) for name in columns] for one in events]
    written = insert_rows(Event, columns, rows, stamped="recorded_at", returning=("id", "uid"))
    # Databases without a type for it give a uid back as text.
    ids = {UUID(str(uid)): pk for pk, uid in written}
    crash_point("capture_many.events_written")
    for one in events:
        one.pk = ids[one.uid]
        one._state.adding = False
    pending = [(one.pk, one.contact_id % SHARDS, "", False) for one in events]
    insert_rows(PendingEvent, ("event_id", "shard", "error", "is_set_aside"), pending)


def _capture(part: Sequence[Mapping[str, Any]]) -> list[Captured]:
    now = timezone.now()
    prepared = [_prepare(one, now) for one in part]
    written = iter(_write([one for one in prepared if isinstance(one, _Draft)]))
    results = [next(written) if isinstance(one, _Draft) else one for one in prepared]
    report_failures(
        [(_name_of(given), one.error) for given, one in zip(part, results, strict=True) if one.error]
    )
    for one in results:
        if one.event:
            announce(event_captured, event=one.event)
    return results


@dataclass(frozen=True, slots=True)
class _Draft:
    """An event whose values are clean; its contact may have to be made."""

    event: Event
    who: Contact | Person


def _prepare(given: Mapping[str, Any], now: datetime) -> _Draft | Captured:
    try:
        strange = set(given) - ARGUMENTS
        if strange:
            raise InvalidEvent(str(min(strange, key=str)), "not an argument of capture")
        who = _who(given.get("contact"))
        if who is None:
            return Captured()
        event = Event(
            name=clean_name(given.get("name")),
            occurred_at=clean_moment(given.get("occurred_at"), now),
            data=clean_data(given.get("data")),
            object_ref=clean_ref(given.get("object_ref")),
        )
        return _Draft(event, who)
    except Exception as error:
        return Captured(error=error)


def _write(drafts: Sequence[_Draft]) -> list[Captured]:
    """All together; one by one when the database or the shop's code does not take one of them."""
    if not drafts:
        return []
    try:
        with transaction.atomic():
            people = [one.who for one in drafts if isinstance(one.who, Person)]
            made = iter(contacts_of(people) if people else ())
            for one in drafts:
                one.event.contact = next(made) if isinstance(one.who, Person) else one.who
            record_events([one.event for one in drafts])
            crash_point("capture_many.before_commit")
        crash_point("capture_many.after_commit")
    except Exception as error:
        if len(drafts) == 1 or is_transient(error):
            return [Captured(error=error) for _one in drafts]
        return [captured for one in drafts for captured in _write([one])]
    return [Captured(one.event) for one in drafts]


def _who(who: Any) -> Contact | Person | None:
    """As `contact_for`, without a look at the database. Raises InvalidAddress and TypeError."""
    if who is None or who == "" or getattr(who, "is_anonymous", False):
        return None
    if isinstance(who, Contact):
        return who
    if isinstance(who, str):
        return Person(email=parse_email(who))
    if not isinstance(who, get_user_model()) or who.pk is None:
        raise TypeError(f"{type(who).__name__} is not a contact, a saved user or an e-mail address")
    return Person(external_id=str(who.pk), complete=lambda: person_of(who))


def person_of(user: Any) -> Person:
    """All that the shop knows about a user, without addresses that are none."""
    known = get_adapter().contact_details(user)
    details = {name: short_text(name, getattr(known, name)) for name in TEXTS}
    return Person(
        external_id=str(user.pk),
        email=_parsed(parse_email, known.email),
        phone=_parsed(parse_phone, known.phone),
        details={**details, "birthday": known.birthday},
    )


def _parsed(parse: Any, text: str) -> Any:
    try:
        return parse(text) if text else None
    except InvalidAddress:
        return None


def _name_of(given: Any) -> Any:
    return given.get("name") if isinstance(given, Mapping) else given
