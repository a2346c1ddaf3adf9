"""A sender's run over one lane: claim, hand over in parallel, record each result at once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, InterfaceError, connection
from django.db.models import Case, F, Value, When
from django.db.models.functions import Coalesce, Least
from django.utils.translation import gettext_noop

from triggers.accounts import concurrency_of, parse_lane
from triggers.addresses import parse_email
from triggers.clock import DatabaseNow
from triggers.conf import settings
from triggers.delivery.backoff import retry_delay
from triggers.delivery.breaker import note
from triggers.delivery.calls import Calls, Result
from triggers.delivery.claim import Claim, Claimed, claim
from triggers.delivery.email import Letter
from triggers.delivery.lane import Admission, admit, give_back
from triggers.delivery.outcome import Cause, Outcome
from triggers.delivery.unknown import way_out
from triggers.heartbeat import beat
from triggers.models import Channel, Message, MessageState, Suppression, SuppressionReason
from triggers.signals import message_settled
from triggers.transient import is_transient

logger = logging.getLogger(__name__)

STATES = {"accepted": MessageState.ACCEPTED, "refused": MessageState.FAILED, "unknown": MessageState.UNKNOWN}
REASONS = {
    "accepted": "",
    "refused": gettext_noop("the provider refused it: %(detail)s"),
    "unknown": gettext_noop("it cannot be known whether it was sent: %(detail)s"),
    "not_sent": gettext_noop("not sent yet, attempt %(attempt)s: %(detail)s"),
}
# It is not counted against the message.
PROVIDER_REASON = gettext_noop("not sent yet, the provider does not take messages now: %(detail)s")
# Where a message may stand when its attempt was given up although the provider took it after all.
GIVEN_UP = (MessageState.UNKNOWN, MessageState.QUEUED, MessageState.HELD)
# Seconds between the tries to record a result while the database is busy or away.
RECORD_PAUSES = (0.1, 0.5, 2.0)
NOTHING = (Claim(0), Admission(0))


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
    A sender that is killed leaves at most SEND_CONCURRENCY messages `sending`; `settle_abandoned` makes them `unknown`.
    """
    shift = Shift(lane, seconds, gives_way)
    looked_at = accepted = 0
    with Calls(concurrency_of(lane), parse_lane(lane).account) as calls:
        try:
            while True:
                is_open = shift.is_open()
                taken, admission = _claim(lane, calls) if is_open and calls.has_room else NOTHING
                looked_at += taken.looked_at
                calls.begin(taken.ready, admission)
                if calls:
                    accepted += _settle(calls.results())
                elif not taken.looked_at and not (is_open and _has_waited(lane, admission.seconds)):
                    break
        finally:
            # When a claim fails as well: what is under way comes to its end, and that is recorded.
            while calls:
                accepted += _settle(calls.results())
    if looked_at:
        beat(f"send:{lane}", times=looked_at)
    return DeliverResult(looked_at, accepted)


class Shift:
    """How long a sender stays with a lane."""

    def __init__(self, lane: str, seconds: float, gives_way: Callable[[str], bool] | None) -> None:
        self.ends = time.monotonic() + seconds
        self._lane, self._gives_way = lane, gives_way
        self._asks_at = time.monotonic() + settings.TICK_SECONDS

    def is_open(self) -> bool:
        """Whether more may be claimed. Once it is over it stays over."""
        now = time.monotonic()
        if self._gives_way is not None and self._asks_at <= now < self.ends:
            self._asks_at = now + settings.TICK_SECONDS
            if self._gives_way(self._lane):
                self.ends = now
        return now < self.ends


def _claim(lane: str, calls: Calls) -> tuple[Claim, Admission]:
    """As many messages as the lane lets through now. When its provider has just failed, none before all calls that
    are under way have said how they went: they may open the breaker."""
    admission = admit(lane, calls.room)
    if not admission.most:
        return Claim(0), admission
    if calls and admission.is_troubled:
        give_back(lane, admission, 0)
        return Claim(0), admission
    taken = claim(lane, admission.most)
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
    time.sleep(seconds)
    return True


def _settle(results: Sequence[Result]) -> int:
    """Record results as they came, all that were accepted in one statement. Returns how many were accepted."""
    accepted = [(one, outcome) for one, outcome, _admission in results if outcome.status == "accepted"]
    recorded = _record_accepted(accepted) if len(accepted) > 1 else ()
    for one, outcome, admission in results:
        if one.id in recorded:
            _announce(one, MessageState.ACCEPTED)
        else:
            _settle_one(one, outcome)
        _note(one, outcome, admission)
    return len(accepted)


def _record_accepted(accepted: Sequence[tuple[Claimed, Outcome]]) -> Collection[int]:
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


def _note(one: Claimed, outcome: Outcome, admission: Admission) -> None:
    """What the outcome says about the lane and the address. Never raises, as `_settle`: both are learned again."""
    try:
        note(one.lane, admission, outcome)
        if outcome.cause is Cause.NO_SUCH_ADDRESS and isinstance(one.payload, Letter):
            key = parse_email(one.payload.to).key
            Suppression.objects.get_or_create(
                channel=Channel.EMAIL,
                address=key,
                defaults={"reason": SuppressionReason.BOUNCE, "note": outcome.detail[:300]},
            )
    except Exception:
        logger.exception("message %s: what its result says about others was not noted", one.payload.uid)


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
        # The lane waits for its provider: the message itself is as good as at its first attempt.
        attempt = 1 if outcome.is_provider_fault else one.attempt
        delay = retry_delay(attempt, outcome.retry_after)
        # Not beyond its expiry: what will not be tried again ends when it expires.
        moment = DatabaseNow() + timedelta(seconds=delay)
        changes |= {
            "state": MessageState.QUEUED,
            "send_after": Least(moment, Coalesce(F("expires_at"), moment)),
        }
        if outcome.is_provider_fault:
            changes["reason"] = PROVIDER_REASON
    else:
        changes |= {"state": STATES[outcome.status]}
    if outcome.status == "unknown":
        changes["unknown_since"] = Coalesce(F("unknown_since"), DatabaseNow())
        pause = way_out(one.lane, one.resends)
        changes["lease_until"] = None if pause is None else DatabaseNow() + timedelta(seconds=pause)
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
