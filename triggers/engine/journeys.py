"""What people may do to journeys and events from outside the turn. Everything here waits for the shards' locks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_noop

from triggers.conf import settings
from triggers.core.values import JourneyStatus, Reason
from triggers.crashpoints import crash_point
from triggers.engine.records import READ, Passage, read_passages, write_passages
from triggers.engine.shards import lock, lock_for, rewind
from triggers.models import SHARDS, Journey, PendingEvent

RESUMED = Reason(gettext_noop("Resumed by a person"))
RETRIED = Reason(gettext_noop("Retried by a person"))


@transaction.atomic
def exit_journeys(ids: Iterable[int], reason: Reason) -> int:
    """End active and paused journeys and cancel what they have queued. Returns how many ended."""
    passages, now = _locked(ids)
    found = [one for one in passages if one.is_open]
    for one in found:
        one.end(JourneyStatus.EXITED, now, reason)
    write_passages(found, now)
    return len(found)


@transaction.atomic
def resume_journeys(ids: Iterable[int]) -> int:
    """Let paused journeys try their step again, unless it is their chain that is paused. Returns how many."""
    passages, now = _locked(ids)
    stuck = [one for one in passages if one.status == JourneyStatus.PAUSED and one.resume_due_at is None]
    return _set_going(stuck, now, RESUMED)


@transaction.atomic
def retry_failed_journeys(ids: Iterable[int]) -> int:
    """Let failed journeys try their step again, unless the contact is inside the chain anew. Returns how many."""
    passages, now = _locked(ids)
    failed = [one for one in passages if one.status == JourneyStatus.FAILED]
    inside = set(
        Journey.objects.filter(contact__in={one.contact_id for one in failed}, active_slot=1).values_list(
            "chain_id", "contact_id"
        )
    )
    chosen: dict[tuple[int, int], Passage] = {}
    for one in failed:
        if (one.chain_id, one.contact_id) not in inside:
            chosen[one.chain_id, one.contact_id] = one
    count = _set_going(list(chosen.values()), now, RETRIED)
    Journey.objects.filter(pk__in=[one.id for one in chosen.values()]).update(error="")
    return count


def release_journeys(chain_id: int) -> int:
    """Let what was parked while a chain was paused go on. Returns how many.

    One short transaction after another, shard by shard: no shard waits for a large chain to be released. Call it after
    the chain's new status is committed: once a shard's lock is had, no turn there can still see the pause.
    """
    released = 0
    for shard in range(SHARDS):
        while some := _release_some(chain_id, shard):
            crash_point("release.after_commit")
            released += some
    return released


@transaction.atomic
def _release_some(chain_id: int, shard: int) -> int:
    """Release up to a batch of one shard's parked journeys."""
    now = lock(shard)
    parked = Journey.objects.filter(
        chain=chain_id, shard=shard, status=JourneyStatus.PAUSED, resume_due_at__isnull=False
    )
    passages = read_passages(parked.order_by("pk").values_list(*READ)[: settings.TURN_BATCH])
    for one in passages:
        one.release()
    write_passages(passages, now)
    rewind(shard)
    crash_point("release.before_commit")
    return len(passages)


def retry_failed_events(ids: Iterable[int]) -> int:
    """Put events that were set aside back into the engine's hands. Returns how many."""
    return PendingEvent.objects.filter(pk__in=list(ids), is_set_aside=True).update(
        is_set_aside=False, error=""
    )


def _locked(ids: Iterable[int]) -> tuple[list[Passage], datetime]:
    """The journeys, read after the locks on their shards were had, and the database's clock."""
    wanted = list(ids)
    contacts = set(Journey.objects.filter(pk__in=wanted).values_list("contact_id", flat=True))
    now = lock_for(contacts)
    if now is None:
        return [], datetime.min
    return read_passages(Journey.objects.filter(pk__in=wanted).order_by("pk").values_list(*READ)), now


def _set_going(passages: Sequence[Passage], now: datetime, reason: Reason) -> int:
    for one in passages:
        one.log(reason, one.step)
        one.status, one.due_at, one.planned_at, one.ended_at = JourneyStatus.ACTIVE, now, None, None
    write_passages(passages, now)
    return len(passages)
