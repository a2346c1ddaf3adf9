"""The gate of a lane, shared by all senders: its pause, its rate, and how long its provider wants to be left alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from triggers.accounts import lane_name, lane_names, parse_lane, rate_of
from triggers.clock import DatabaseNow
from triggers.conf import settings
from triggers.control import nothing_is_paused
from triggers.crashpoints import crash_point
from triggers.models import Lane, Message, MessageState
from triggers.statements import Instances

__all__ = [
    "Admission",
    "admit",
    "burst_of",
    "give_back",
    "lane_name",
    "lanes_with_work",
    "lock_lane",
    "parse_lane",
    "pause_lane",
    "resume_lane",
    "try_lane",
]

# Seconds of a lane's rate that may leave at once after a rest: few, because providers count by the second.
BURST_SECONDS = 0.25
# A bucket that was filled by ten tenths holds a little less than one.
EPSILON = 1e-6
# Seconds that a sender waits for tokens; for later ones another look for work comes by.
MOST_WAIT = 1.5

_LANES = Instances(Lane.objects.with_clock(), by="name")


@dataclass(frozen=True, slots=True)
class Admission:
    """How many messages may be claimed now, and what is known about the lane.

    `until`: closed till then. `seconds`: how long to wait for tokens, None for not at all. `leased`: tokens to be given
    back if unused. `is_troubled`: a success is worth being written down. `has_slow_domains`: some letters may have to wait.
    """

    most: int
    until: datetime | None = None
    seconds: float | None = None
    leased: int = 0
    is_probe: bool = False
    is_troubled: bool = False
    has_slow_domains: bool = False


def admit(lane: str, most: int, *, can_wait: bool = True) -> Admission:
    """How many of `most` a sender may claim now. One read; a lane with a rate takes its tokens in one write more.

    A sender that has something else to do (`can_wait=False`) is not told to wait for tokens, and keeps no other from it.
    """
    row = _look(lane)
    if row.is_paused:
        return Admission(0)
    if row.is_closed:
        return Admission(0, until=row.closed_until)
    admission = _admit_open(row, most, can_wait)
    if not admission.most:
        return admission
    is_troubled = row.opened_at is not None or bool(row.failures or row.throttles or row.trips)
    return replace(admission, is_troubled=is_troubled, has_slow_domains=row.has_slow_domains)


def _admit_open(row: Lane, most: int, can_wait: bool) -> Admission:
    if row.opened_at is not None:
        return _probe(row)
    rate = rate_of(row.name)
    return Admission(most) if rate is None else _lease(row.name, most, rate, can_wait)


def give_back(lane: str, admission: Admission, used: int) -> None:
    """Return the tokens of what was not handed over, and the right to probe if nothing was."""
    unused = admission.leased - used
    if unused > 0:
        Lane.objects.filter(pk=lane).update(tokens=F("tokens") + unused)
    if admission.is_probe and not used:
        release_probe(lane)


def release_probe(lane: str) -> None:
    """Let the next sender try: this one learned nothing about the provider."""
    Lane.objects.filter(pk=lane, opened_at__isnull=False).update(probe_until=None)


def pause_lane(lane: str) -> None:
    """Nothing of it is claimed any more; what is with the provider at this moment is finished."""
    _make(lane)
    Lane.objects.filter(pk=lane).update(is_paused=True)


def resume_lane(lane: str) -> None:
    """End its pause. A provider that wants to be left alone is left alone all the same."""
    Lane.objects.filter(pk=lane).update(is_paused=False)


def try_lane(lane: str) -> None:
    """A person says that a broken provider works again: the next message tries it."""
    broken = Lane.objects.filter(pk=lane, opened_at__isnull=False)
    broken.update(closed_until=None, probe_until=None, trips=0)


def lanes_with_work() -> list[str]:
    """Lanes that may send now and have a message that may leave, the transactional ones first; none while everything is
    paused."""
    rows = list(Lane.objects.with_clock())
    names = lane_names()
    # Messages of an account that was taken out of the settings must not wait for ever: their sender says so.
    names += sorted({row.pk for row in rows} - set(names))
    shut = {row.pk for row in rows if row.is_paused or row.is_closed}
    due = Message.objects.filter(
        nothing_is_paused(), state=MessageState.QUEUED, send_after__lte=DatabaseNow()
    )
    return [name for name in names if name not in shut and due.filter(lane=name).exists()]


def burst_of(rate: float) -> float:
    """Tokens that a bucket holds at most."""
    return max(1.0, rate * BURST_SECONDS)


def lock_lane(lane: str) -> Lane:
    """The lane's row, locked till the transaction ends; made when nobody has come to the lane yet."""
    rows = Lane.objects.select_for_update().with_clock()
    row = rows.filter(pk=lane).first()
    if row is None:
        _make(lane)
        row = rows.get(pk=lane)
    return row


def _look(lane: str) -> Lane:
    """The same without a lock."""
    rows: list[Lane] = _LANES.read([lane])
    if not rows:
        _make(lane)
        rows = _LANES.read([lane])
    return rows[0]


def _make(lane: str) -> None:
    Lane.objects.bulk_create([Lane(name=lane)], ignore_conflicts=True)


def _probe(row: Lane) -> Admission:
    """One message for one sender: does the provider work again? The others are told to come back."""
    free = Q(probe_until__isnull=True) | Q(probe_until__lte=DatabaseNow())
    mine = Lane.objects.not_closed().filter(free, pk=row.pk, opened_at__isnull=False)
    until = DatabaseNow() + timedelta(seconds=2 * settings.SEND_TIMEOUT)
    if not mine.update(probe_until=until):
        return Admission(0, until=row.probe_until)
    return Admission(1, is_probe=True)


@transaction.atomic
def _lease(lane: str, most: int, rate: float, can_wait: bool) -> Admission:
    """Take up to `most` tokens. The row's lock makes it exact for any number of senders."""
    row = lock_lane(lane)
    tokens = _tokens(row, rate)
    leased = min(most, int(tokens + EPSILON))
    if leased < 1 and not can_wait:
        return Admission(0)
    if leased < 1:
        # A claim for each single token would cost more than the message: half a bucket is worth one.
        enough = min(most, max(1.0, burst_of(rate) / 2))
        return _wait(row, (enough - tokens) / rate)
    # Who waited for the lock read the clock before the one who had it: the bucket's time never goes back.
    filled_at = max(row.now, row.filled_at or row.now)
    Lane.objects.filter(pk=lane).update(tokens=tokens - leased, filled_at=filled_at)
    crash_point("lease.before_commit")
    return Admission(leased, leased=leased)


def _wait(row: Lane, seconds: float) -> Admission:
    """One sender waits for the lane's tokens. Without that a slow lane would collect all the senders there are."""
    is_waited_for = row.waited_for_until is not None and row.waited_for_until > row.now
    if is_waited_for or seconds > MOST_WAIT:
        return Admission(0)
    Lane.objects.filter(pk=row.pk).update(waited_for_until=row.now + timedelta(seconds=seconds))
    return Admission(0, seconds=seconds)


def _tokens(row: Lane, rate: float) -> float:
    """What is in the bucket at the row's moment."""
    if row.filled_at is None:
        return burst_of(rate)
    seconds = max(0.0, (row.now - row.filled_at).total_seconds())
    return min(burst_of(rate), row.tokens + seconds * rate)
