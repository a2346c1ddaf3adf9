"""When the engine falls behind, the tracker is the first to be sent away: orders come last."""

from __future__ import annotations

import time

from django.db import DatabaseError, InterfaceError

from triggers.conf import settings
from triggers.models import PendingEvent

# Seconds for which one look counts, in each process.
LOOK_SECONDS = 5.0

_looked_at = -LOOK_SECONDS
_is_over = False


def is_overloaded() -> bool:
    """Whether more than TRACKER_BACKLOG events wait to be matched; a database that cannot be asked is overloaded."""
    global _looked_at, _is_over
    now = time.monotonic()
    if now - _looked_at >= LOOK_SECONDS:
        _looked_at, _is_over = now, _is_behind()
    return _is_over


def forget() -> None:
    """Look again at once."""
    global _looked_at
    _looked_at = -LOOK_SECONDS


def _is_behind() -> bool:
    most = settings.TRACKER_BACKLOG
    try:
        return PendingEvent.objects.order_by("pk")[most : most + 1].exists()
    except (DatabaseError, InterfaceError):
        return True
