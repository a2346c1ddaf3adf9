"""Who is next in a lane's line: locked, and read with what is looked at before a message leaves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache

from django.db.models import Q, QuerySet

from triggers.clock import DatabaseNow
from triggers.control import nothing_is_paused
from triggers.models import Message, MessageState
from triggers.statements import Instances, Statement

EVERY = Q()
_MESSAGES = Instances(Message.objects.all(), "contact", "topic", "chain", by="id")


def lock_next(lane: str, most: int, among: Q = EVERY) -> tuple[Sequence[int], datetime | None]:
    """Up to `most` messages that may leave, by id, locked till the transaction ends, and the database's moment. Those
    that another sender holds are left to it. One statement."""
    rows = list(_waiting(lane).filter(among)[:most]) if among else _next(lane, most).read()
    return [pk for pk, _now in rows], rows[0][1] if rows else None


def read_messages(ids: Sequence[int]) -> tuple[list[Message], list[Message]]:
    """These messages, each with its contact, topic and chain, and those whose contact is gone. One statement, or two."""
    messages: list[Message] = _MESSAGES.read(ids)
    missing = set(ids) - {message.pk for message in messages}
    return messages, list(Message.objects.filter(pk__in=missing)) if missing else []


@cache
def _next(lane: str, most: int) -> Statement:
    return Statement(_waiting(lane)[:most])


def _waiting(lane: str) -> QuerySet[Message, tuple[int, datetime]]:
    waiting = Message.objects.select_for_update(skip_locked=True).filter(
        nothing_is_paused(), lane=lane, state=MessageState.QUEUED, send_after__lte=DatabaseNow()
    )
    return waiting.order_by("send_after", "id").values_list("pk", DatabaseNow())
