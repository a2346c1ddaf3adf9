"""The circuit breaker of a lane: when the provider does not work, its messages wait instead of being used up."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import transaction

from triggers.conf import settings
from triggers.crashpoints import crash_point
from triggers.delivery.backoff import asked_delay
from triggers.delivery.lane import Admission, lock_lane, release_probe
from triggers.delivery.outcome import Cause, Outcome
from triggers.logs import note
from triggers.models import Lane
from triggers.signals import lane_broken

logger = logging.getLogger(__name__)

# Failures of the provider in a row, of all senders together, after which nothing more is claimed.
MOST_FAILURES = 5
# Seconds that it is left alone at first, and at most; it doubles each time that the try after it fails.
FIRST_PAUSE, MOST_PAUSE = 30.0, 600.0
# Seconds after a first "too many" that says no time.
FIRST_THROTTLE = 1.0

WRITTEN = ("failures", "trips", "throttles", "opened_at", "closed_until", "probe_until", "is_own_fault")


def learn(lane: str, admission: Admission, outcome: Outcome) -> None:
    """What an outcome says about the lane. Writes nothing while all is well."""
    if outcome.is_provider_fault:
        is_broken = _note_fault(lane, outcome)
        crash_point("breaker.after_commit")
        if is_broken:
            note(logger, logging.ERROR, "lane.broken", lane=lane, detail=outcome.detail)
            lane_broken.send_robust(sender=Lane, lane=lane, detail=outcome.detail)
    elif outcome.is_proof_of_life:
        if admission.is_troubled:
            _note_life(lane)
    elif admission.is_probe:
        release_probe(lane)


@transaction.atomic
def _note_fault(lane: str, outcome: Outcome) -> bool:
    """Whether it opened the breaker."""
    row = lock_lane(lane)
    was_open = row.opened_at is not None
    if outcome.cause is Cause.THROTTLED:
        _throttle(row, outcome.retry_after)
    elif not (was_open and row.is_closed):
        # Otherwise it is one of the wave that was under way when the breaker opened.
        _fail(row, outcome)
    row.detail = outcome.detail
    row.save(update_fields=[*WRITTEN, "detail"])
    crash_point("breaker.before_commit")
    return row.opened_at is not None and not was_open


def _throttle(row: Lane, asked: float | None) -> None:
    """The whole lane waits, not only the message that was told so."""
    seconds = asked_delay(asked)
    if not seconds:
        if row.is_closed:
            return
        row.throttles = min(row.throttles + 1, 60)
        seconds = min(MOST_PAUSE, FIRST_THROTTLE * 2 ** (row.throttles - 1))
    _close(row, seconds)


def _fail(row: Lane, outcome: Outcome) -> None:
    row.failures += 1
    asked = asked_delay(outcome.retry_after)
    if row.opened_at or row.failures >= MOST_FAILURES or outcome.cause is Cause.POLICY:
        row.trips = min(row.trips + 1, 60)
        row.opened_at = row.opened_at or row.now
        row.is_own_fault = outcome.is_own_fault
        _close(row, max(asked, min(MOST_PAUSE, FIRST_PAUSE * 2 ** (row.trips - 1))))
    elif asked:
        _close(row, asked)


def _close(row: Lane, seconds: float) -> None:
    until = row.now + timedelta(seconds=min(seconds, settings.RETRY_MOST))
    row.probe_until = None
    row.closed_until = until if row.closed_until is None else max(row.closed_until, until)


def _note_life(lane: str) -> None:
    """The provider works. While the lane is closed that is an old story: the call began before."""
    Lane.objects.not_closed().filter(pk=lane).update(
        failures=0,
        trips=0,
        throttles=0,
        opened_at=None,
        closed_until=None,
        probe_until=None,
        is_own_fault=False,
        is_told=False,
        detail="",
    )
