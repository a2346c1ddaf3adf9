"""A sender's run over one lane: claim, hand over in parallel, have each result recorded at once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from triggers.accounts import parse_lane
from triggers.clock import DatabaseNow
from triggers.conf import settings
from triggers.crashpoints import crash_point
from triggers.delivery.calls import Calls
from triggers.delivery.claim import Claim
from triggers.delivery.concurrency import concurrency_of
from triggers.delivery.crashes import Run
from triggers.delivery.domains import slow_domains
from triggers.delivery.lane import Admission, admit, give_back
from triggers.delivery.record import settle
from triggers.delivery.tally import Tally
from triggers.drain import is_draining
from triggers.heartbeat import beat
from triggers.logs import note
from triggers.models import Message, MessageState

logger = logging.getLogger(__name__)

NOTHING = (Claim(0), Admission(0))
# SQLite's clock counts milliseconds: one less, and a sender may find itself still waiting for the tokens.
CLOCK_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class DeliverResult:
    """What a run did. `looked_at` counts claimed messages, `accepted` those that the provider took."""

    looked_at: int = 0
    accepted: int = 0


def deliver(
    lane: str, *, seconds: float = 20.0, gives_way: Callable[[str], bool] | None = None
) -> DeliverResult:
    """Send what is queued on a lane, for about `seconds`. Any number of senders may do this at once.

    While calls are under way the next messages are claimed, so that the provider is kept waiting as little as can be.
    It ends sooner when the lane is closed, or when `gives_way(lane)`, asked once a tick, says that others need the sender.
    A sender that is killed leaves at most `concurrency_of(lane)` messages `sending`; `settle_abandoned` makes them `unknown`.
    """
    shift = Shift(lane, seconds, gives_way)
    looked_at = accepted = 0
    tally = Tally(lane)
    with Run(lane) as run, Calls(concurrency_of(lane), parse_lane(lane).account) as calls:
        try:
            while True:
                is_open = shift.is_open()
                taken, admission = _claim(lane, run, calls) if is_open and calls.has_room else NOTHING
                looked_at += taken.looked_at
                tally.note_failed(taken.failed)
                calls.begin(taken.ready, admission)
                if calls:
                    accepted += settle(calls.results(), tally)
                elif not taken.looked_at and not (is_open and _has_waited(lane, admission.seconds)):
                    break
        finally:
            # When a claim fails as well: what is under way comes to its end, and that is recorded.
            while calls:
                accepted += settle(calls.results(), tally)
            tally.write()
    if looked_at:
        note(logger, logging.INFO, "lane.sent", lane=lane, looked_at=looked_at, accepted=accepted)
        beat(f"send:{lane}", times=looked_at)
    return DeliverResult(looked_at, accepted)


class Shift:
    """How long a sender stays with a lane."""

    def __init__(self, lane: str, seconds: float, gives_way: Callable[[str], bool] | None) -> None:
        self.ends = time.monotonic() + seconds
        self._lane, self._gives_way = lane, gives_way
        self._asks_at = time.monotonic() + settings.TICK_SECONDS

    def is_open(self) -> bool:
        """Whether more may be claimed. Once it is over it stays over, and it is when the process is asked to stop."""
        now = time.monotonic()
        if self._gives_way is not None and self._asks_at <= now < self.ends:
            self._asks_at = now + settings.TICK_SECONDS
            if self._gives_way(self._lane):
                self.ends = now
        return now < self.ends and not is_draining()


def _claim(lane: str, run: Run, calls: Calls) -> tuple[Claim, Admission]:
    """As many messages as the lane lets through now. When its provider has just failed, none before all calls that
    are under way have said how they went: they may open the breaker. Nor while the next letter may end the process."""
    # With calls under way it goes back to them, so it must not take the place of the one who waits.
    admission = admit(lane, calls.room, can_wait=not calls)
    crash_point("lane.admitted")
    if not admission.most:
        return Claim(0), admission
    if calls and (admission.is_troubled or run.is_careful):
        give_back(lane, admission, 0)
        return Claim(0), admission
    taken = run.claim(admission.most, slow_domains(lane) if admission.has_slow_domains else None)
    crash_point("claim.after_commit")
    give_back(lane, admission, len(taken.ready))
    return taken, admission


def _has_waited(lane: str, seconds: float | None) -> bool:
    """Wait for the lane's next tokens, if it is up to this sender and there is somebody to give them to."""
    if seconds is None:
        return False
    if not Message.objects.filter(
        lane=lane, state=MessageState.QUEUED, send_after__lte=DatabaseNow()
    ).exists():
        return False
    time.sleep(seconds + CLOCK_SECONDS)
    return True
