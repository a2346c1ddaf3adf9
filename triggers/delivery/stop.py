"""What keeps a message from leaving."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from triggers.core.values import Reason
from triggers.models import MessageState


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a message must not leave, and the state it ends in.

    `queued` puts it back: to be looked at again at `until`, which is no attempt, or, without it, after the usual delay.
    """

    state: MessageState
    reason: Reason
    until: datetime | None = None
