"""A contact asks to be forgotten: nothing more leaves, and nothing stays that says who it was."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import transaction
from django.utils.translation import gettext_noop

from triggers.addresses import parse_email
from triggers.clock import DatabaseNow
from triggers.contacts import current, locked
from triggers.core.values import JourneyStatus, Reason
from triggers.crashpoints import crash_point
from triggers.engine.leftovers import finish_leftovers, settle_events
from triggers.engine.records import READ, read_passages, write_passages
from triggers.engine.shards import lock_for, read_clock
from triggers.exceptions import InvalidAddress
from triggers.logs import note
from triggers.models import (
    Channel,
    Contact,
    Journey,
    Message,
    MessageBody,
    MessageState,
    PendingEvent,
    Suppression,
    Transition,
)
from triggers.models.message import WAITING
from triggers.suppressions import forget_address, spellings

logger = logging.getLogger(__name__)

ERASED = Reason(gettext_noop("The contact was erased"))
# Instead of reasons, whose values may be the contact's.
FORGOTTEN = gettext_noop("What was said here was erased with the contact")
EMPTIED: dict[str, Any] = {
    "email": "",
    "email_key": None,
    "phone": None,
    "external_id": None,
    "first_name": "",
    "last_name": "",
    "language": "",
    "time_zone": "",
    "birthday": None,
    "attributes": {},
}


@dataclass(frozen=True, slots=True)
class EraseResult:
    """`is_new`: it was not done before. Then what ended: journeys, and messages that had not left."""

    is_new: bool
    journeys: int = 0
    messages: int = 0


def erase_contact(contact: Contact) -> EraseResult:
    """Erase the person, under the lock of the contact's shard, with all rows that were merged into it.

    - Queued messages are cancelled, journeys end. Once this is committed no sender takes a message of theirs; of one that is
      with the provider at that moment the result is still recorded.
    - Gone: names, addresses, attributes, tags, browsers, words of consent, what messages said and to whom, data of events, what events
      and journeys were about, reasons, what the admin's history says. Data of many events follow at once, see `leftovers`.
    - Kept: that something happened and when (events, journeys, messages with their states, days of chains), and of each
      address a keyed hash that keeps marketing away, or what was wrong with it.

    What happens later under the same address or user makes a new contact. Doing it again changes nothing.
    """
    with transaction.atomic():
        result = _erase(contact)
        crash_point("erase.before_commit")
    crash_point("erase.after_commit")
    if result.is_new:
        note(logger, logging.INFO, "contact.erased", contact=contact.pk)
    finish_leftovers()
    return result


def _erase(contact: Contact) -> EraseResult:
    contact = _hold(contact)
    if contact.erased_at is not None:
        return EraseResult(is_new=False)
    rows = [contact, *contact.merged.all()]
    _forget_addresses(contact, rows)
    messages = _empty_messages(contact)
    journeys = _end_journeys(contact)
    known = (contact.consents, contact.opt_outs, contact.tags, contact.entries, contact.visitors)
    for related in (*known, contact.traits, contact.memberships):
        related.all().delete()
    _empty_history(Contact, [row.pk for row in rows])
    PendingEvent.objects.filter(event__contact=contact).delete()
    Contact.objects.filter(pk__in=[row.pk for row in rows]).update(**EMPTIED, erased_at=DatabaseNow())
    contact.refresh_from_db()
    settle_events(contact)
    return EraseResult(True, journeys, messages)


def _hold(contact: Contact) -> Contact:
    """The contact that this one is by now, its shard and its row locked. One that is being merged is waited for."""
    while True:
        contact = current(Contact.objects.get(pk=contact.pk))
        lock_for([contact.pk])
        row = locked([contact.pk])[contact.pk]
        if row.merged_into_id is None:
            return row


def _end_journeys(contact: Contact) -> int:
    """What has been said about its journeys goes first, so that the last thing said is that they ended."""
    journeys = Journey.objects.filter(contact=contact)
    Transition.objects.filter(journey__in=journeys).update(reason=FORGOTTEN, data={})
    journeys.update(object_ref="", error="", is_called_back=True)
    passages = read_passages(journeys.filter(active_slot=1).order_by("pk").values_list(*READ))
    now = read_clock()
    for one in passages:
        one.end(JourneyStatus.EXITED, now, ERASED)
    write_passages(passages, now)
    return len(passages)


def _empty_messages(contact: Contact) -> int:
    """What may have left and waits to be tried again is stopped at the door, which does not say that it was not sent."""
    messages = Message.objects.filter(contact=contact)
    messages.exclude(reason="").update(reason=FORGOTTEN, reason_data={})
    messages.update(address="")
    # Now that senders have been waited for, with what they wrote down meanwhile.
    MessageBody.objects.filter(message__in=messages).delete()
    waiting = messages.filter(state__in=WAITING, unknown_since__isnull=True)
    return waiting.update(state=MessageState.CANCELLED, reason=ERASED.text, reason_data={}, lease_until=None)


def _forget_addresses(contact: Contact, rows: Iterable[Contact]) -> None:
    """Those it has, and those it was written to before; but none that is somebody else's by now."""
    others = Contact.objects.exclude(pk__in=[row.pk for row in rows])
    emails = {row.email_key for row in rows if row.email_key}
    phones = {row.phone for row in rows if row.phone}
    used = Message.objects.filter(contact=contact).exclude(address="").values_list("channel", "address")
    for channel, address in used.distinct():
        if channel == Channel.SMS:
            phones.add(address)
        elif key := _key(address):
            emails.add(key)
    emails -= set(others.filter(email_key__in=emails).values_list("email_key", flat=True))
    phones -= set(others.filter(phone__in=phones).values_list("phone", flat=True))
    for channel, addresses in ((Channel.EMAIL, emails), (Channel.SMS, phones)):
        for address in addresses:
            known = Suppression.objects.filter(channel=channel, address__in=spellings(address))
            _empty_history(Suppression, list(known.values_list("pk", flat=True)))
            forget_address(channel, address)


def _key(email: str) -> str:
    try:
        return parse_email(email).key
    except InvalidAddress:
        return ""


def _empty_history(model: type[Contact] | type[Suppression], ids: list[int]) -> None:
    """The admin's history names what was changed; that somebody changed it stays."""
    if not apps.is_installed("django.contrib.admin"):
        return
    from django.contrib.admin.models import LogEntry
    from django.contrib.contenttypes.models import ContentType

    kind = ContentType.objects.get_for_model(model)
    LogEntry.objects.filter(content_type=kind, object_id__in=map(str, ids)).update(
        object_repr="–", change_message=""
    )
