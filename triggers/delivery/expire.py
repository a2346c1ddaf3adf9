"""Messages that became worthless while nobody took them: their lane stands still, its account is gone, their chain is paused."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from triggers.clock import DatabaseNow
from triggers.crashpoints import crash_point
from triggers.delivery.recheck import EXPIRED
from triggers.delivery.unknown import end_unsent
from triggers.heartbeat import beat
from triggers.models import Heartbeat, Message
from triggers.models.message import WAITING

# A sender ends what it finds in its lane by itself; this is for the rest, so it need not be often.
EVERY = timedelta(minutes=5)
# Rows of one sweep: it locks what it ends, and the next one goes on.
MOST = 1000
BEAT = "expiry"


def expire_overdue() -> int:
    """End what waits past its time, at most every five minutes, whoever asks. Returns how many."""
    if Heartbeat.objects.filter(pk=BEAT, at__gt=DatabaseNow() - EVERY).exists():
        return 0
    with transaction.atomic():
        overdue = Message.objects.filter(state__in=WAITING, expires_at__lt=DatabaseNow())
        # What a sender holds is that sender's.
        rows = overdue.select_for_update(skip_locked=True).order_by("pk").values_list("pk", flat=True)
        ended = end_unsent(Message.objects.filter(pk__in=list(rows[:MOST])), EXPIRED)
        crash_point("expire.before_commit")
    if ended < MOST:
        beat(BEAT, times=ended)
    return ended
