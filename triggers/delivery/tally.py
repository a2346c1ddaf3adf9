"""Counting what becomes of a chain's messages: once for each run of a sender, and for each report of a provider."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Q
from django.db.models.functions import TruncDate

from triggers.accounts import parse_lane
from triggers.crashpoints import crash_point
from triggers.engine.purge import read_retention
from triggers.engine.shards import read_clock
from triggers.logs import note
from triggers.models import ChainDay, Message, MessageState

logger = logging.getLogger(__name__)

REPORTED = {MessageState.BOUNCED: "bounced", MessageState.COMPLAINED: "complained"}


class Tally:
    """The counts of one sender's run over a lane; nothing is written before the end."""

    def __init__(self, lane: str) -> None:
        self.channel, self.message_class, _account = parse_lane(lane)
        self._sent: Counter[int] = Counter()
        self._failed: Counter[int] = Counter()
        # Failures since the run's last success.
        self._failing: Counter[int] = Counter()

    def note(self, chain_id: int | None, state: MessageState | None) -> None:
        """A message of a chain (None: of no chain) reached a state."""
        if chain_id is None:
            return
        if state == MessageState.ACCEPTED:
            self._sent[chain_id] += 1
            self._failing[chain_id] = 0
        elif state == MessageState.FAILED:
            self._failed[chain_id] += 1
            self._failing[chain_id] += 1

    def note_failed(self, chain_ids: Iterable[int | None]) -> None:
        for chain_id in chain_ids:
            self.note(chain_id, MessageState.FAILED)

    def write(self) -> None:
        """Add it all to the day, one or two statements a chain. Never raises: the messages themselves are recorded."""
        chains = sorted(self._sent.keys() | self._failed.keys())
        if not chains:
            return
        try:
            today = day_of(read_clock())
            for chain_id in chains:
                trailing = self._failing[chain_id]
                failing = trailing if self._sent[chain_id] else F("failing") + trailing
                sent, failed = self._sent[chain_id], self._failed[chain_id]
                _add(self._key(chain_id, today), sent=sent, failed=failed, failing=failing)
        except Exception as error:
            note(logger, logging.ERROR, "tally.not_written", chains=chains, error=error)

    def _key(self, chain_id: int, day: date) -> dict[str, Any]:
        return {
            "chain_id": chain_id,
            "day": day,
            "channel": self.channel,
            "message_class": self.message_class,
        }


def count_report(message: Message, state: MessageState) -> None:
    """A provider's report moved a message, read before, to `state`."""
    if message.chain_id is None:
        return
    counts = {REPORTED[state]: 1} if state in REPORTED else {}
    if message.accepted_at is None:
        # The sender never learned that it was taken.
        counts["sent"] = 1
    if not counts:
        return
    key = {
        "chain_id": message.chain_id,
        "day": day_of(message.accepted_at or read_clock()),
        "channel": message.channel,
        "message_class": message.message_class,
    }
    _add(key, **counts)


def recount(since: date) -> int:
    """Make the counts of the days from `since` on anew from the messages, as far as these go back. Returns how many rows.

    What senders count in the same moment may be missed; run it while they rest for figures that are right to the last one.
    Raises TriggersError for a RETENTION that cannot be meant.
    """
    oldest = Message.objects.order_by("pk").values_list("created_at", flat=True).first()
    if oldest is None:
        return 0
    since = max(since, day_of(oldest), _first_whole_day())
    start = datetime(since.year, since.month, since.day, tzinfo=UTC)
    with transaction.atomic():
        known = {_key_of(row): row for row in ChainDay.objects.filter(day__gte=since).select_for_update()}
        rows: dict[tuple[Any, ...], ChainDay] = {}
        for found in (*_sent_since(start), *_failed_since(start)):
            key = (found.pop("chain_id"), found.pop("day"), found.pop("channel"), found.pop("message_class"))
            row = rows.setdefault(key, _fresh(key, known.get(key)))
            for name, number in found.items():
                setattr(row, name, number)
        ChainDay.objects.filter(day__gte=since).delete()
        ChainDay.objects.bulk_create(rows.values(), batch_size=500)
        crash_point("recount.before_commit")
    return len(rows)


def _first_whole_day() -> date:
    """The first day of which no message can have gone by its age."""
    age = read_retention()["messages"]
    return date.min if age is None else day_of(read_clock() - age) + timedelta(days=1)


def day_of(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _add(key: dict[str, Any], **counts: Any) -> None:
    """One statement when the day has its row already."""
    row = ChainDay.objects.filter(**key)
    changes = {name: by if name == "failing" else F(name) + by for name, by in counts.items()}
    if not row.update(**changes):
        ChainDay.objects.bulk_create([ChainDay(**key)], ignore_conflicts=True)
        row.update(**changes)


def _key_of(row: ChainDay) -> tuple[Any, ...]:
    return row.chain_id, row.day, row.channel, row.message_class


def _fresh(key: tuple[Any, ...], known: ChainDay | None) -> ChainDay:
    """A row without counts; what the watch knows besides them is kept."""
    row = ChainDay(chain_id=key[0], day=key[1], channel=key[2], message_class=key[3])
    for name in ("failing", "sent_before", "bounced_before", "complained_before") if known else ():
        setattr(row, name, getattr(known, name))
    return row


def _sent_since(start: datetime) -> list[Any]:
    rows = Message.objects.filter(accepted_at__gte=start, chain__isnull=False)
    return list(
        rows.values("chain_id", "channel", "message_class", day=TruncDate("accepted_at", tzinfo=UTC))
        .annotate(
            sent=Count("pk"),
            bounced=Count("pk", filter=Q(state=MessageState.BOUNCED)),
            complained=Count("pk", filter=Q(state=MessageState.COMPLAINED)),
        )
        .order_by()
    )


def _failed_since(start: datetime) -> list[Any]:
    """By the day on which they were queued: when they failed is not kept."""
    rows = Message.objects.filter(created_at__gte=start, state=MessageState.FAILED, chain__isnull=False)
    return list(
        rows.values("chain_id", "channel", "message_class", day=TruncDate("created_at", tzinfo=UTC))
        .annotate(failed=Count("pk"))
        .order_by()
    )
