"""Who is where in a chain, and what it sent: one grouped query each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q

from triggers.core.values import JourneyStatus
from triggers.models import ChainVersion, Journey, Message, MessageState

INSIDE = (JourneyStatus.ACTIVE, JourneyStatus.PAUSED)
# States of a message that left us.
SENT = (MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.BOUNCED, MessageState.COMPLAINED)
RECENT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class ChainTraffic:
    """`inside` now, and how many `entered` in the last 30 days."""

    inside: int = 0
    entered: int = 0


@dataclass(slots=True)
class LiveCounts:
    """Journeys of one version by the step they stand at, ended ones by how, messages by step."""

    standing: Counter[str] = field(default_factory=Counter)
    paused: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    queued: Counter[str] = field(default_factory=Counter)
    # Journeys that are still inside earlier versions of the chain.
    inside_older: int = 0


def chain_traffic(chain_ids: Collection[int], now: datetime) -> dict[int, ChainTraffic]:
    """Traffic by chain id; one query for all."""
    rows = (
        Journey.objects.filter(chain_id__in=chain_ids)
        .values("chain_id")
        .annotate(
            inside=Count("pk", filter=Q(status__in=INSIDE)),
            entered=Count("pk", filter=Q(entered_at__gte=now - RECENT)),
        )
    )
    return {row["chain_id"]: ChainTraffic(row["inside"], row["entered"]) for row in rows}


def live_counts(version: ChainVersion) -> LiveCounts:
    """The counts of one published version; two queries."""
    counts = LiveCounts()
    journeys = Journey.objects.filter(chain=version.chain_id).values("version_id", "step", "status")
    for row in journeys.annotate(number=Count("pk")).order_by():
        _count_journeys(counts, row, version.pk)
    messages = Message.objects.filter(journey__chain=version.chain_id, journey__version=version)
    for step, state, number in messages.values_list("step", "state").annotate(number=Count("pk")).order_by():
        if state in SENT:
            counts.sent[step] += number
        elif state == MessageState.QUEUED:
            counts.queued[step] += number
    return counts


def _count_journeys(counts: LiveCounts, row: Mapping[str, Any], version_id: int) -> None:
    is_inside = row["status"] in INSIDE
    if row["version_id"] != version_id:
        counts.inside_older += row["number"] if is_inside else 0
        return
    counts.statuses[row["status"]] += row["number"]
    if is_inside:
        counts.standing[row["step"]] += row["number"]
    if row["status"] == JourneyStatus.PAUSED:
        counts.paused[row["step"]] += row["number"]
