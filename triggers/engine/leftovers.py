"""Events of a contact that became another one or was erased: moved or emptied, many of them in slices after its own transaction.

Whoever asks for a contact's events meanwhile finds, of one that was merged, the latest ones with whom it became and the
older ones nowhere; so a condition over a long window may count too few until it is done, about a minute for a million.
"""

from __future__ import annotations

import time

from django.db import transaction
from django.db.models import QuerySet

from triggers.contacts import locked
from triggers.crashpoints import crash_point
from triggers.engine.rollup import move_days
from triggers.models import SHARDS, Contact, Event, Leftover, PendingEvent

# Events that are done in the transaction that merges or erases, under the lock on the contact's shard; about half a second.
MOST_AT_ONCE = 5000
# Rows of one statement afterwards.
SLICE = 10_000
# What a person, and a look once a minute, waits for it; whatever is left is the next look's.
SECONDS = 10.0


def settle_events(contact: Contact) -> int:
    """Move or empty a contact's latest events in the caller's transaction, and note it if some are left. Returns how many."""
    events = _unsettled(contact)
    ids = list(events.order_by("-recorded_at").values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
    if len(ids) <= MOST_AT_ONCE:
        return _settle(events, contact)
    Leftover.objects.get_or_create(contact=contact)
    return _settle(events.filter(pk__in=ids[:MOST_AT_ONCE]), contact)


def finish_leftovers(seconds: float | None = None) -> int:
    """Go on with what merging and erasing left behind, for at most about `seconds` (default: SECONDS). Returns how many events.

    May be interrupted, and run by several at once.
    """
    ends = time.monotonic() + (SECONDS if seconds is None else seconds)
    done = 0
    for pk in Leftover.objects.order_by("pk").values_list("pk", flat=True):
        while count := _settle_some(pk):
            crash_point("leftover.after_commit")
            done += count
            if time.monotonic() >= ends:
                return done
        Leftover.objects.filter(pk=pk).delete()
    return done


@transaction.atomic
def _settle_some(pk: int) -> int:
    """A slice, with the contact's row locked: one that was merged may be erased meanwhile, and is emptied then."""
    contact = locked([pk]).get(pk)
    if contact is None:
        return 0
    events = _unsettled(contact)
    ids = list(events.values_list("pk", flat=True)[:SLICE])
    count = _settle(events.filter(pk__in=ids), contact) if ids else 0
    if not ids and contact.merged_into_id is not None:
        # Events that were purged before it was their turn are counted there.
        move_days(contact.pk, contact.merged_into_id)
    crash_point("leftover.before_commit")
    return count


def _unsettled(contact: Contact) -> QuerySet[Event]:
    events = Event.objects.filter(contact=contact.pk)
    return events.exclude(data={}, object_ref="") if contact.erased_at else events


def _settle(events: QuerySet[Event], contact: Contact) -> int:
    kept = contact.merged_into_id
    if contact.erased_at or kept is None:
        return events.update(data={}, object_ref="")
    count = events.update(contact=kept)
    # After the events: one that is committed in between still is the old contact's, and is handed on when it is matched.
    PendingEvent.objects.filter(shard=contact.shard, event__contact=kept).update(shard=kept % SHARDS)
    return count
