"""Letters whose making ends the process: after three of them one is set aside, and its neighbours leave meanwhile.

A claim is one transaction, so a process that dies in it leaves no trace, and the letter stays first in line. Each run
of a sender is therefore on record while it lasts. One that was not removed is evidence: what was due before its end is
claimed with care, which is counted as a crash before it is made, and taken back with the claim. Whatever a crash left
counted is tried alone; the third time it fails. When nothing is left that was due then, the evidence goes.

A run that is taken for dead and is not does no harm: care costs two statements a claim, and what others hold is never
counted.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import datetime, timedelta
from types import TracebackType

from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import F, Max, Q
from django.utils.translation import gettext_noop

from triggers.clock import DatabaseNow
from triggers.conf import settings
from triggers.control import nothing_is_paused
from triggers.core.values import Reason
from triggers.crashpoints import crash_point
from triggers.delivery.claim import Claim, claim
from triggers.delivery.concurrency import concurrency_of
from triggers.delivery.domains import SlowDomains
from triggers.delivery.stop import Stop
from triggers.delivery.unknown import end_unsent
from triggers.models import Message, MessageState, SenderRun
from triggers.models.message import MessageQuerySet

MOST_CRASHES = 3
# Between being counted and being locked: nobody else counts it meanwhile.
COUNTED_FOR = timedelta(seconds=10)

CRASHED = Stop(
    MessageState.FAILED,
    Reason(
        gettext_noop("the process ended %(crashes)s times while this letter was being made"),
        {"crashes": MOST_CRASHES},
    ),
)


class Run:
    """A sender's run, on record from its first claim to its end. To be used with `with`."""

    def __init__(self, lane: str) -> None:
        self._lane = lane
        self._id: int | None = None
        self._renews_at = 0.0
        self._suspects: Suspects | None = None

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Left behind by a database that is away, it only makes the next ones careful.
        if self._id is not None:
            with suppress(DatabaseError, InterfaceError):
                SenderRun.objects.filter(pk=self._id).delete()

    @property
    def is_careful(self) -> bool:
        """Whether the next claim may end the process: better with no call under way, which would be left in doubt."""
        return self._suspects is not None

    def claim(self, most: int, slow: SlowDomains | None = None) -> Claim:
        """As `claim()`; with care as long as there are suspects."""
        self._stay_alive()
        if self._suspects is not None:
            taken = self._suspects.claim(most, slow)
            if taken is not None:
                return taken
            self._suspects = None
        return claim(self._lane, most, slow=slow)

    def _stay_alive(self) -> None:
        """On record for longer than anything takes between two claims; twice in a usual run at the most."""
        if time.monotonic() < self._renews_at:
            return
        seconds = alive_seconds(self._lane)
        self._renews_at = time.monotonic() + seconds / 4
        until = DatabaseNow() + timedelta(seconds=seconds)
        if self._id is None or not SenderRun.objects.filter(pk=self._id).update(alive_until=until):
            self._id = SenderRun.objects.create(lane=self._lane, alive_until=until).pk
            self._suspects = find_suspects(self._lane)
        crash_point("run.on_record")


def alive_seconds(lane: str) -> float:
    """How long a run counts as alive after its last sign of life: a call to the provider, and a claim whose letters all
    take as long as they may."""
    return float(2 * settings.SEND_TIMEOUT + concurrency_of(lane) * settings.RENDER_SECONDS)


def find_suspects(lane: str) -> Suspects | None:
    """What may have killed a run of the lane; None when none has died. One statement."""
    dead = SenderRun.objects.filter(lane=lane, alive_until__lt=DatabaseNow())
    until = dead.aggregate(until=Max("alive_until"))["until"]
    return Suspects(lane, until) if until else None


class Suspects:
    """Messages of a lane that were due before the last run that died."""

    def __init__(self, lane: str, until: datetime) -> None:
        self._lane, self._until = lane, until

    def claim(self, most: int, slow: SlowDomains | None) -> Claim | None:
        """A claim of suspects, or of others while somebody has these in hand; None when none are left."""
        chosen, failed = self._count(most)
        crash_point("crashes.counted")
        if chosen:
            taken = _watched_claim(self._lane, chosen, slow)
        elif self._queued().exists():
            taken = claim(self._lane, most, among=Q(send_after__gt=self._until), slow=slow)
        else:
            SenderRun.objects.filter(lane=self._lane, alive_until__lte=self._until).delete()
            return None
        return Claim(taken.looked_at + len(failed), taken.ready, [*taken.failed, *failed])

    @transaction.atomic
    def _count(self, most: int) -> tuple[list[int], list[int | None]]:
        """Count a crash of each message that is claimed next: those that are not suspected yet, else one that is.

        Returns their ids, and the chains of those that had too many and failed.
        """
        free = Q(lease_until__isnull=True) | Q(lease_until__lt=DatabaseNow())
        rows = list(
            self._queued()
            .select_for_update(skip_locked=True)
            .filter(free, nothing_is_paused())
            .order_by("send_after", "id")
            .values_list("pk", "chain_id", "crashes")[:most]
        )
        guilty = [(pk, chain_id) for pk, chain_id, crashes in rows if crashes >= MOST_CRASHES]
        if guilty:
            end_unsent(Message.objects.filter(pk__in=[pk for pk, _chain_id in guilty]), CRASHED)
        marked = [pk for pk, _chain_id, crashes in rows if 0 < crashes < MOST_CRASHES]
        chosen = [pk for pk, _chain_id, crashes in rows if not crashes] or marked[:1]
        Message.objects.filter(pk__in=chosen).update(
            crashes=F("crashes") + 1, lease_until=DatabaseNow() + COUNTED_FOR
        )
        crash_point("crashes.before_commit")
        return chosen, [chain_id for _pk, chain_id in guilty]

    def _queued(self) -> MessageQuerySet:
        return Message.objects.filter(lane=self._lane, state=MessageState.QUEUED, send_after__lte=self._until)


def _watched_claim(lane: str, ids: list[int], slow: SlowDomains | None) -> Claim:
    """Claim what was counted. An error that is no crash takes its count back."""
    try:
        return _claim_and_acquit(lane, ids, slow)
    except Exception:
        with suppress(DatabaseError, InterfaceError):
            counted = Message.objects.filter(pk__in=ids, state=MessageState.QUEUED, crashes__gt=0)
            counted.update(crashes=F("crashes") - 1, lease_until=None)
        raise


@transaction.atomic
def _claim_and_acquit(lane: str, ids: list[int], slow: SlowDomains | None) -> Claim:
    """Take the count back in the claim's own transaction: it stays when the process dies in it."""
    Message.objects.filter(pk__in=ids, state=MessageState.QUEUED).update(crashes=0, lease_until=None)
    return claim(lane, len(ids), among=Q(pk__in=ids), slow=slow)
