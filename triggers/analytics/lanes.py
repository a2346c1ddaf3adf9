"""What waits in each lane, and what keeps it there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min

from triggers.accounts import lane_names, rate_of
from triggers.models import Lane, Message, MessageState, SlowDomain

# Slow domains shown of each lane.
MOST_DOMAINS = 10


@dataclass(frozen=True, slots=True)
class SlowMail:
    """A domain that does not take a lane's letters now; `detail` is what its server said last."""

    domain: str
    until: datetime
    detail: str


@dataclass(frozen=True, slots=True)
class LaneQueue:
    """Messages of one lane that may leave now, since when the oldest could have, and what is known of the provider.

    `is_known`: whether the settings have its account. `closed_until` is told only while it lies ahead. `rate`: messages
    per second, None without a limit. `is_own_fault`: waiting does not mend it.
    """

    lane: str
    is_known: bool
    waiting: int
    oldest: datetime | None
    last_send: datetime | None
    is_late: bool
    rate: float | None
    is_paused: bool
    broken_since: datetime | None
    closed_until: datetime | None
    detail: str
    is_own_fault: bool
    slow_domains: Sequence[SlowMail]

    @property
    def needs_a_look(self) -> bool:
        return self.is_late or self.is_paused or self.broken_since is not None


def lane_queues(last_sends: Mapping[str, datetime], now: datetime, late: timedelta) -> list[LaneQueue]:
    """The lanes of the settings, and others that something waits in or that a sender has come to. Two queries,
    and one more while a domain is slow."""
    queued = Message.objects.filter(state=MessageState.QUEUED, send_after__lte=now)
    waiting = {
        row["lane"]: row
        for row in queued.values("lane").annotate(number=Count("pk"), oldest=Min("send_after")).order_by()
    }
    gates = Lane.objects.in_bulk()
    slow = _slow_domains() if any(gate.has_slow_domains for gate in gates.values()) else {}
    known = lane_names()
    forgotten = sorted({*waiting, *gates, *last_sends} - set(known))
    return [
        _queue(
            gates.get(name) or Lane(name=name),
            waiting.get(name),
            last_sends.get(name),
            now,
            late,
            slow.get(name, ()),
            is_known=name in known,
        )
        for name in (*known, *forgotten)
    ]


def _queue(
    gate: Lane,
    row: Mapping[str, Any] | None,
    last_send: datetime | None,
    now: datetime,
    late: timedelta,
    slow: Sequence[SlowMail],
    *,
    is_known: bool,
) -> LaneQueue:
    oldest = row["oldest"] if row else None
    is_closed = gate.closed_until is not None and gate.closed_until > now
    return LaneQueue(
        lane=gate.name,
        is_known=is_known,
        waiting=row["number"] if row else 0,
        oldest=oldest,
        last_send=last_send,
        is_late=oldest is not None and now - oldest > late,
        rate=rate_of(gate.name),
        is_paused=gate.is_paused,
        broken_since=gate.opened_at,
        closed_until=gate.closed_until if is_closed else None,
        detail=gate.detail,
        is_own_fault=gate.is_own_fault,
        slow_domains=slow,
    )


def _slow_domains() -> dict[str, list[SlowMail]]:
    """By lane, those that are left alone the longest first."""
    found: dict[str, list[SlowMail]] = defaultdict(list)
    for row in SlowDomain.objects.filter(slow_until__isnull=False).order_by("-slow_until"):
        if row.slow_until and len(found[row.lane]) < MOST_DOMAINS:
            found[row.lane].append(SlowMail(row.domain, row.slow_until, row.detail))
    return found
