"""Who a visitor is: from the moment that it is known, what the browser did is the contact's."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.http import HttpRequest

from triggers.clock import DatabaseNow
from triggers.conf import settings
from triggers.contacts import contact_for
from triggers.crashpoints import crash_point
from triggers.logs import note
from triggers.models import SHARDS, Contact, Event, PendingEvent, Visitor, VisitorEvent
from triggers.visitors import end_visit, visitor_of

logger = logging.getLogger(__name__)

# A visitor's last events that become the contact's; a browser that sent more is no person.
MOST_EVENTS = 1000


def identify(request: HttpRequest, who: Any) -> Contact | None:
    """Say that this request's browser is that of `who`: a user, an e-mail address, or a contact. Returns the contact.

    For places where the shop knows it: a login (done by itself), the address of a checkout, a form that was confirmed, a
    link in a letter. It is only about tracking, nobody is logged in by it. Never raises; what goes wrong is logged.
    """
    try:
        with transaction.atomic():
            contact = contact_for(who)
            visitor = visitor_of(request)
            if contact is not None and visitor is not None and not claim(visitor, contact):
                end_visit(request)
            return contact
    except Exception as error:
        note(logger, logging.ERROR, "visitor.not_identified", error=error)
        return None


@transaction.atomic
def claim(visitor: Visitor, contact: Contact) -> bool:
    """Make a visitor the contact's, with what it did until now. False when it is another's: it has ended then.

    What happened within VISITOR_HOURS starts and ends journeys as if it had been the contact's at once; what is older is
    history.
    """
    row = Visitor.objects.select_for_update().get(pk=visitor.pk)
    if row.contact_id == contact.pk:
        return True
    if row.contact_id is not None:
        # Two people at one browser. What the other one did stays the other one's.
        Visitor.objects.filter(pk=row.pk).update(ended_at=DatabaseNow())
        return False
    visitor.contact = contact
    visitor.save(update_fields=["contact"])
    _hand_over(visitor, contact)
    crash_point("identify.before_commit")
    return True


def _hand_over(visitor: Visitor, contact: Contact) -> None:
    """Its events, at the moments at which they happened, the oldest first."""
    newest = VisitorEvent.objects.filter(visitor=visitor).order_by("-occurred_at", "-pk")
    told = list(reversed(newest[:MOST_EVENTS]))
    if not told:
        return
    fresh = newest.filter(occurred_at__gte=DatabaseNow() - timedelta(hours=settings.VISITOR_HOURS))
    to_match = set(fresh.values_list("pk", flat=True))
    events = Event.objects.bulk_create([_event(one, contact) for one in told])
    _let_match(event for one, event in zip(told, events, strict=True) if one.pk in to_match)
    VisitorEvent.objects.filter(visitor=visitor).delete()


def _event(one: VisitorEvent, contact: Contact) -> Event:
    return Event(
        contact=contact,
        name=one.name,
        occurred_at=one.occurred_at,
        recorded_at=one.occurred_at,
        data=one.data,
        object_ref=one.object_ref,
    )


def _let_match(events: Iterable[Event]) -> None:
    PendingEvent.objects.bulk_create(
        [PendingEvent(event=event, shard=event.contact_id % SHARDS) for event in events]
    )
