"""What became of calls to a provider, written down: each result at once, and what it says about its lane and address."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Least
from django.utils.translation import gettext_noop

from triggers.addresses import parse_email
from triggers.clock import DatabaseNow
from triggers.core.values import Reason
from triggers.crashpoints import crash_point
from triggers.delivery.backoff import retry_delay
from triggers.delivery.breaker import learn
from triggers.delivery.calls import Result
from triggers.delivery.claim import Claimed
from triggers.delivery.domains import learn_domain
from triggers.delivery.email import Letter
from triggers.delivery.lane import Admission
from triggers.delivery.outcome import Cause, Outcome
from triggers.delivery.stop import Stop
from triggers.delivery.tally import Tally
from triggers.delivery.unknown import key_seconds, not_again, way_out
from triggers.logs import note, without_addresses
from triggers.models import Channel, Message, MessageState, SuppressionReason
from triggers.signals import message_settled
from triggers.sql import update_rows
from triggers.statements import Row
from triggers.suppressions import suppress
from triggers.transient import is_transient

logger = logging.getLogger(__name__)

REASONS = {
    "accepted": "",
    "refused": gettext_noop("the provider refused it: %(detail)s"),
    "unknown": gettext_noop("it cannot be known whether it was sent: %(detail)s"),
    "not_sent": gettext_noop("not sent yet, attempt %(attempt)s: %(detail)s"),
}
# It is not counted against the message.
PROVIDER_REASON = gettext_noop("not sent yet, the provider does not take messages now: %(detail)s")
# Where a message may stand when its attempt was given up although the provider took it after all.
AFTER_GIVING_UP = (MessageState.UNKNOWN, MessageState.QUEUED, MessageState.HELD)
# What is written about a message that the provider took; its state and attempt are expected first.
ACCEPTED = (
    *("id", "state", "attempt"),
    *("state", "lease_until", "reason", "reason_data", "provider_id"),
)
# Seconds between the tries to record a result while the database is busy or away.
RECORD_PAUSES = (0.1, 0.5, 2.0)


def settle(results: Sequence[Result], tally: Tally) -> int:
    """Record results as they came, all that were accepted in one statement. Returns how many were accepted."""
    crash_point("send.before_record")
    accepted = [(one, outcome) for one, outcome, _admission in results if outcome.status == "accepted"]
    recorded = _record_accepted(accepted)
    for one, outcome, admission in results:
        state = MessageState.ACCEPTED if one.id in recorded else _settle_one(one, outcome)
        crash_point("send.after_record")
        if state is not None:
            _announce(one, state)
        tally.note(one.chain_id, state)
        _learn(one, outcome, admission)
    return len(accepted)


def _record_accepted(accepted: Sequence[tuple[Claimed, Outcome]]) -> Collection[int]:
    """Note that the provider took these, if all of them are still `sending`.

    Returns the ids of those for which it is noted now. When a report or a sweep was faster with one of them, none is:
    which one that was is found out one by one.
    """
    sending, state = MessageState.SENDING, MessageState.ACCEPTED
    rows: list[Row] = [
        (one.id, sending, one.attempt, state, None, "", {}, outcome.provider_id[:255])
        for one, outcome in accepted
    ]
    try:
        with transaction.atomic():
            changed = update_rows(Message, ACCEPTED, rows, guard=("state", "attempt"), now="accepted_at")
            if changed == len(rows):
                return {one.id for one, _outcome in accepted}
            transaction.set_rollback(True)
    except (DatabaseError, InterfaceError):
        pass
    return ()


def _settle_one(one: Claimed, outcome: Outcome) -> MessageState | None:
    """Record a result and return the new state, if there is one. Never raises: the neighbours' results are waiting.

    One that cannot be recorded leaves its message `sending`, and so `unknown` in the end.
    """
    try:
        return _record_patiently(one, outcome)
    except Exception as error:
        ids = {"message": one.payload.uid, "outcome": outcome.status}
        note(logger, logging.ERROR, "message.not_recorded", error=error, **ids)
        return None


def _learn(one: Claimed, outcome: Outcome, admission: Admission) -> None:
    """What the outcome says about the lane, the domain and the address. Never raises, as `_settle_one`: both are learned again."""
    try:
        learn(one.lane, admission, outcome)
        if not isinstance(one.payload, Letter):
            return
        learn_domain(one.lane, one.payload.to, one.id, outcome, are_any_slow=admission.has_slow_domains)
        if outcome.cause is Cause.NO_SUCH_ADDRESS:
            key = parse_email(one.payload.to).key
            suppress(Channel.EMAIL, key, SuppressionReason.BOUNCE, outcome.detail[:300])
    except Exception as error:
        note(logger, logging.ERROR, "message.not_learned_from", message=one.payload.uid, error=error)


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
    changes = _changes(one, outcome)
    states = (MessageState.SENDING, *(AFTER_GIVING_UP if outcome.status == "accepted" else ()))
    mine = Message.objects.filter(pk=one.id, state__in=states, attempt=one.attempt)
    if not mine.update(**changes):
        note(
            logger, logging.WARNING, "message.settled_too_late", message=one.payload.uid, attempt=one.attempt
        )
        return None
    return MessageState(changes["state"])


def _changes(one: Claimed, outcome: Outcome) -> dict[str, Any]:
    """The columns of a message's row that its outcome changes, with their new values."""
    text = REASONS[outcome.status]
    # Its reader may have been erased while it was at the provider.
    detail = without_addresses(outcome.detail)
    reason = Reason(text, {"detail": detail, "attempt": one.attempt} if text else {})
    changes = {"lease_until": None, "provider_id": outcome.provider_id[:255], **_said(reason)}
    if outcome.status == "accepted":
        return changes | {"state": MessageState.ACCEPTED, "accepted_at": DatabaseNow()}
    if outcome.status == "not_sent":
        return changes | _put_back(one, outcome)
    if outcome.status == "unknown":
        return changes | _doubt(one)
    # With a key, the refusal is about the first copy as well: a provider that had taken it would say so.
    is_in_doubt = one.in_doubt and not key_seconds(one.lane)
    end = not_again(reason) if is_in_doubt else Stop(MessageState.FAILED, reason)
    return changes | {"state": end.state, **_said(end.reason)}


def _said(reason: Reason) -> dict[str, Any]:
    return {"reason": reason.text, "reason_data": reason.data}


def _put_back(one: Claimed, outcome: Outcome) -> dict[str, Any]:
    """Into the queue, for another try. Not beyond its expiry: what will not be tried again ends when it expires."""
    # The lane waits for its provider: the message itself is as good as at its first attempt.
    attempt = 1 if outcome.is_provider_fault else one.attempt
    moment = DatabaseNow() + timedelta(seconds=retry_delay(attempt, outcome.retry_after))
    changes = {
        "state": MessageState.QUEUED,
        "send_after": Least(moment, Coalesce(F("expires_at"), moment)),
    }
    return changes | ({"reason": PROVIDER_REASON} if outcome.is_provider_fault else {})


def _doubt(one: Claimed) -> dict[str, Any]:
    pause = way_out(one.lane, one.resends)
    return {
        "state": MessageState.UNKNOWN,
        "unknown_since": Coalesce(F("unknown_since"), DatabaseNow()),
        "lease_until": None if pause is None else DatabaseNow() + timedelta(seconds=pause),
    }


def _announce(one: Claimed, state: MessageState) -> None:
    """Tell the log and those who listen. The result is recorded already; that stays, whatever breaks here."""
    ids: dict[str, Any] = {"message": one.payload.uid, "attempt": one.attempt, "state": state}
    note(logger, logging.DEBUG, "message.settled", **ids)
    if not message_settled.has_listeners(Message):
        return
    try:
        message_settled.send_robust(sender=Message, message=Message.objects.get(pk=one.id), state=state)
    except Exception as error:
        note(logger, logging.ERROR, "message.not_announced", error=error, **ids)
