"""What people may do to messages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.utils.translation import gettext_noop

from triggers.clock import DatabaseNow
from triggers.conf import settings
from triggers.models import Message, MessageState

BY_HAND = gettext_noop("queued again by a person")
CANCELLED = gettext_noop("cancelled by a person")


def retry_messages(ids: Iterable[int]) -> int:
    """Queue failed, expired and unknown messages once more; all checks apply again. Returns how many.

    An `unknown` message may have arrived: whoever retries it accepts a second copy.
    """
    states = (MessageState.FAILED, MessageState.UNKNOWN, MessageState.EXPIRED)
    return Message.objects.filter(pk__in=list(ids), state__in=states).update(
        state=MessageState.QUEUED,
        reason=BY_HAND,
        reason_data={},
        send_after=DatabaseNow(),
        expires_at=DatabaseNow() + timedelta(seconds=settings.EXPIRES_AFTER),
    )


def cancel_messages(ids: Iterable[int]) -> int:
    """Take queued and held messages out of the queue. Returns how many."""
    waiting = (MessageState.QUEUED, MessageState.HELD)
    return Message.objects.filter(pk__in=list(ids), state__in=waiting).update(
        state=MessageState.CANCELLED, reason=CANCELLED, reason_data={}
    )
