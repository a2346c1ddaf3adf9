"""Pause and resume of everything: no turn and no sender takes anything up while it lasts; events are still captured."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.db.models import Exists, Q

from triggers.clock import DatabaseNow
from triggers.logs import note
from triggers.models import Control

logger = logging.getLogger(__name__)

MOST_REASON_CHARS = 300
_PAUSED = Control.objects.filter(pk=1, is_paused=True)


def pause_everything(why: str = "", by: Any = None) -> bool:
    """Stop every turn and every sender within one claim. Returns False when that was so already; nothing changes then.

    What providers are being handed at this moment is finished and recorded. `by` is a user, None for a command.
    """
    reason = why.replace("\0", "").encode(errors="replace").decode()[:MOST_REASON_CHARS]
    Control.objects.bulk_create([Control(pk=1)], ignore_conflicts=True)
    changes: dict[str, Any] = {"is_paused": True, "paused_at": DatabaseNow(), "by": by, "why": reason}
    is_new = bool(Control.objects.filter(pk=1, is_paused=False).update(**changes))
    if is_new:
        note(logger, logging.WARNING, "everything.paused", by=by.pk if by else "command")
    return is_new


def resume_everything() -> bool:
    """Let everything go on. What became too late meanwhile expires. Returns False when nothing was paused."""
    is_new = bool(_PAUSED.update(is_paused=False, backup_at=None))
    if is_new:
        note(logger, logging.WARNING, "everything.resumed")
    return is_new


def pause_of_everything() -> Control | None:
    """Since when, by whom and why everything is paused; None while it runs."""
    return _PAUSED.select_related("by").first()


def remember_backup(moment: datetime) -> None:
    """Note the moment of the backup that is being put in order while everything is paused, until it is resumed."""
    _PAUSED.update(backup_at=moment)


def is_everything_paused() -> bool:
    return _PAUSED.exists()


def nothing_is_paused() -> Q:
    """For the WHERE of a claim's own statement, so that the switch costs no statement and is as fresh as the claim."""
    return ~Q(Exists(_PAUSED))
