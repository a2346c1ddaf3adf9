"""A sender's run over one lane: claim, hand over in parallel, record each result at once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection, connections
from django.utils.translation import gettext_noop

from triggers.clock import DatabaseNow
from triggers.conf import settings
from triggers.crashpoints import crash_point
from triggers.delivery.backoff import retry_delay
from triggers.delivery.claim import Claimed, claim
from triggers.delivery.email import Letter, Mailer
from triggers.delivery.outcome import Outcome
from triggers.delivery.text import send_text
from triggers.heartbeat import beat
from triggers.models import Channel, Message, MessageClass, MessageState
from triggers.signals import message_settled
from triggers.transient import is_transient

logger = logging.getLogger(__name__)

# A lane is a channel and a class: letters about orders never stand in line behind a newsletter.
LANES = tuple(f"{channel}.{kind}" for kind in reversed(MessageClass.values) for channel in Channel.values)

STATES = {"accepted": MessageState.ACCEPTED, "refused": MessageState.FAILED, "unknown": MessageState.UNKNOWN}
REASONS = {
    "accepted": "",
    "refused": gettext_noop("the provider refused it: %(detail)s"),
    "unknown": gettext_noop("it cannot be known whether it was sent: %(detail)s"),
    "not_sent": gettext_noop("not sent yet, attempt %(attempt)s: %(detail)s"),
}
# Where a message may stand when its attempt was given up although the provider took it after all.
GIVEN_UP = (MessageState.UNKNOWN, MessageState.QUEUED, MessageState.HELD)
# Seconds between the tries to record a result while the database is busy or away.
RECORD_PAUSES = (0.1, 0.5, 2.0)


@dataclass(frozen=True, slots=True)
class DeliverResult:
    """What a run did. `looked_at` counts claimed messages, `accepted` those that the provider took."""

    looked_at: int = 0
    accepted: int = 0


def lanes_with_work() -> list[str]:
    """Lanes with a message that may leave now, the transactional ones first."""
    due = Message.objects.filter(state=MessageState.QUEUED, send_after__lte=DatabaseNow())
    return [lane for lane in LANES if due.filter(lane=lane).exists()]


def deliver(lane: str, *, seconds: float = 20.0) -> DeliverResult:
    """Send what is queued on a lane, for about `seconds`. Any number of senders may do this at once.

    A sender that is killed leaves at most SEND_CONCURRENCY messages `sending`; `settle_abandoned` makes them `unknown`.
    """
    ends = time.monotonic() + seconds
    looked_at = accepted = 0
    mailer = Mailer()
    try:
        with ThreadPoolExecutor(settings.SEND_CONCURRENCY, thread_name_prefix="triggers-send") as pool:
            while time.monotonic() < ends:
                taken = claim(lane, settings.SEND_CONCURRENCY)
                if not taken.looked_at:
                    break
                crash_point("claim.after_commit")
                looked_at += taken.looked_at
                accepted += _hand_over(taken.ready, mailer, pool)
    finally:
        mailer.close()
    if looked_at:
        beat(f"send:{lane}", times=looked_at)
    return DeliverResult(looked_at, accepted)


def settle_abandoned() -> int:
    """Messages whose sender died become `unknown`: nobody can tell whether the provider got them.

    What was held at the door goes back into the queue, where it is checked once more.
    """
    text = gettext_noop("its sender stopped before the provider's answer was recorded")
    Message.objects.filter(state=MessageState.HELD, lease_until__lt=DatabaseNow()).update(
        state=MessageState.QUEUED, lease_until=None
    )
    crash_point("settle.held_released")
    return Message.objects.filter(state=MessageState.SENDING, lease_until__lt=DatabaseNow()).update(
        state=MessageState.UNKNOWN, lease_until=None, reason=text, reason_data={}
    )


def _hand_over(ready: Any, mailer: Mailer, pool: ThreadPoolExecutor) -> int:
    """One provider call each, in parallel; results are recorded here as they come, one commit each."""
    calls: dict[Future[Outcome], Claimed] = {pool.submit(_call(one, mailer)): one for one in ready}
    accepted = 0
    for future in as_completed(calls):
        outcome = future.result()
        crash_point("send.before_record")
        _settle(calls[future], outcome)
        crash_point("send.after_record")
        accepted += outcome.status == "accepted"
    return accepted


def _call(one: Claimed, mailer: Mailer) -> Callable[[], Outcome]:
    """The provider call for a thread of the pool, which leaves no database connection behind."""

    def call() -> Outcome:
        crash_point("send.before_call")
        try:
            outcome = mailer.send(payload) if isinstance(payload, Letter) else send_text(payload)
            crash_point("send.after_call")
            return outcome
        finally:
            # A backend of the host's may have used the database: this thread's connection would outlive the run.
            connections.close_all()

    payload = one.payload
    return call


def _settle(one: Claimed, outcome: Outcome) -> None:
    """Record a result and tell those who listen. Never raises: the neighbours' results are waiting.

    One that cannot be recorded leaves its message `sending`, and so `unknown` in the end.
    """
    try:
        state = _record_patiently(one, outcome)
    except Exception:
        logger.exception("message %s: the result %s could not be recorded", one.payload.uid, outcome.status)
        return
    if state is not None:
        _announce(one, state)


def _record_patiently(one: Claimed, outcome: Outcome) -> MessageState | None:
    """`_record`, once more when the database was busy or away for a moment."""
    for pause in RECORD_PAUSES:
        try:
            return _record(one, outcome)
        except Exception as error:
            if not is_transient(error):
                raise
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        time.sleep(pause)
    return _record(one, outcome)


def _record(one: Claimed, outcome: Outcome) -> MessageState | None:
    """Note what became of it, unless somebody already gave this attempt up. Returns the state that was written.

    That the provider took it is worth knowing even then: it keeps a second copy from leaving.
    """
    changes: dict[str, Any] = {
        "lease_until": None,
        "provider_id": outcome.provider_id[:255],
        "reason": REASONS[outcome.status],
        "reason_data": {"detail": outcome.detail, "attempt": one.attempt} if REASONS[outcome.status] else {},
    }
    if outcome.status == "not_sent":
        delay = retry_delay(one.attempt, outcome.retry_after)
        changes |= {"state": MessageState.QUEUED, "send_after": DatabaseNow() + timedelta(seconds=delay)}
    else:
        changes |= {"state": STATES[outcome.status]}
    if outcome.status == "accepted":
        changes["accepted_at"] = DatabaseNow()
    states = (MessageState.SENDING, *(GIVEN_UP if outcome.status == "accepted" else ()))
    mine = Message.objects.filter(pk=one.id, state__in=states, attempt=one.attempt)
    if not mine.update(**changes):
        logger.warning("the result of message %s came after its attempt was given up", one.payload.uid)
        return None
    return MessageState(changes["state"])


def _announce(one: Claimed, state: MessageState) -> None:
    """Tell those who listen. The result is recorded already; that stays, whatever breaks here."""
    if not message_settled.has_listeners(Message):
        return
    try:
        message_settled.send_robust(sender=Message, message=Message.objects.get(pk=one.id), state=state)
    except Exception:
        logger.exception("nobody was told that message %s is %s", one.payload.uid, state)
