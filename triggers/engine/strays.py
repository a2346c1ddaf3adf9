"""Events whose contact is no longer there: whoever captured them had read it before it was merged, erased or deleted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from triggers.core.values import EventValue
from triggers.models import SHARDS, Contact, Event, PendingEvent


def sort_out(events: Sequence[EventValue]) -> tuple[list[EventValue], set[int]]:
    """The events that can be matched here, and the ids of those that were handed on and stay pending, in the caller's transaction.

    One statement; two more for each contact that was merged meanwhile, one more for those that were erased.
    """
    rows = Contact.objects.filter(pk__in={event.contact_id for event in events})
    standing = {pk: (kept, erased) for pk, kept, erased in rows.values_list("pk", "merged_into", "erased_at")}
    matchable: list[EventValue] = []
    by_kept: defaultdict[int, set[int]] = defaultdict(set)
    of_erased: list[int] = []
    for event in events:
        # An event has no constraint to its contact, a journey has: one of a contact that was deleted goes nowhere.
        kept, erased = standing.get(event.contact_id, (None, None))
        if erased is not None:
            of_erased.append(event.id)
        elif kept is not None:
            by_kept[kept].add(event.id)
        elif event.contact_id in standing:
            matchable.append(event)
    for kept, ids in by_kept.items():
        hand_on(ids, kept)
    if of_erased:
        Event.objects.filter(pk__in=of_erased).update(data={}, object_ref="")
    return matchable, set().union(*by_kept.values())


def hand_on(ids: set[int], kept: int) -> None:
    """Make pending events another contact's, whose shard matches them; the door counts them from now on."""
    Event.objects.filter(pk__in=ids).update(contact=kept)
    PendingEvent.objects.filter(pk__in=ids).update(shard=kept % SHARDS)
