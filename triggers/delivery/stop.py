"""What keeps a message from leaving."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext_noop

from triggers.core.values import Reason
from triggers.models import Message, MessageState

WORTHLESS = gettext_noop("it would be worthless by then: %(why)s")


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a message must not leave, and the state it ends in.

    `queued` puts it back: to be looked at again at `until`, which is no attempt, or, without it, after the usual delay.
    """

    state: MessageState
    reason: Reason
    until: datetime | None = None


def put_off(message: Message, reason: Reason, until: datetime) -> Stop:
    """Back into the queue until then; what is worthless by then ends at once."""
    if message.expires_at is not None and until >= message.expires_at:
        why = {"text": reason.text, "data": reason.data}
        return Stop(MessageState.EXPIRED, Reason(WORTHLESS, {"why": why}))
    return Stop(MessageState.QUEUED, reason, until)
