"""A sender's run over one lane: claim, hand over in parallel, record each result at once."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, InterfaceError, connection
from django.db.models import Case, Value, When
from django.utils.translation import gettext_noop

from triggers.clock import DatabaseNow
from triggers.conf import settings
from triggers.delivery.backoff import retry_delay
from triggers.delivery.calls import Calls, Result
from triggers.delivery.claim import Claim, Claimed, claim
from triggers.delivery.outcome import Outcome
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

    While calls are under way the next messages are claimed, so that the provider is kept waiting as little as can be.
    A sender that is killed leaves at most SEND_CONCURRENCY messages `sending`; `settle_abandoned` makes them `unknown`.
    """
    ends = time.monotonic() + seconds
    looked_at = accepted = 0
    with Calls(settings.SEND_CONCURRENCY) as calls:
        try:
            while True:
                is_time = time.monotonic() < ends
                taken = claim(lane, calls.room) if is_time and calls.has_room else Claim(0)
                looked_at += taken.looked_at
                calls.begin(taken.ready)
                if calls:
                    accepted += _settle(calls.results())
                elif not taken.looked_at:
                    break
        finally:
            # When a claim fails as well: what is under way comes to its end, and that is recorded.
            while calls:
                accepted += _settle(calls.results())
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
    return Message.objects.filter(state=MessageState.SENDING, lease_until__lt=DatabaseNow()).update(
        state=MessageState.UNKNOWN, lease_until=None, reason=text, reason_data={}
    )


def _settle(results: Sequence[Result]) -> int:
    """Record results as they came, all that were accepted in one statement. Returns how many were accepted."""
    accepted = [(one, outcome) for one, outcome in results if outcome.status == "accepted"]
    recorded = _record_accepted(accepted) if len(accepted) > 1 else ()
    for one, outcome in results:
        if one.id in recorded:
            _announce(one, MessageState.ACCEPTED)
        else:
            _settle_one(one, outcome)
    return len(accepted)


def _record_accepted(accepted: Sequence[Result]) -> Collection[int]:
    """Note that the provider took these, where nothing stands in the way: the first attempts that are still `sending`.

    Returns the ids of those for which it is noted now. Whatever else there is to know is found out one by one.
    """
    ids = {one.id: outcome.provider_id[:255] for one, outcome in accepted if one.attempt == 1}
    known = [When(pk=pk, then=Value(provider_id)) for pk, provider_id in ids.items() if provider_id]
    mine = Message.objects.filter(pk__in=ids, attempt=1)
    try:
        changed = mine.filter(state=MessageState.SENDING).update(
            state=MessageState.ACCEPTED,
            lease_until=None,
            reason="",
            reason_data={},
            provider_id=Case(*known, default=Value("")) if known else "",
            accepted_at=DatabaseNow(),
        )
        if changed == len(ids):
            return ids
        return set(mine.filter(state=MessageState.ACCEPTED).values_list("pk", flat=True))
    except (DatabaseError, InterfaceError):
        return ()


def _settle_one(one: Claimed, outcome: Outcome) -> None:
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
