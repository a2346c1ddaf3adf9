"""Is everything running, and what went wrong: every figure of the health page in a fixed number of queries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q, QuerySet

from triggers.analytics.lanes import LaneQueue, lane_queues
from triggers.conf import settings
from triggers.control import pause_of_everything
from triggers.delivery.watch import find_alarms
from triggers.models import (
    SHARDS,
    Chain,
    ChainStatus,
    Control,
    Event,
    Fanout,
    FanoutState,
    Heartbeat,
    Journey,
    Message,
    MessageState,
    PendingEvent,
    Transition,
)
from triggers.models.journey import NEED_A_PERSON

# Rows shown of each kind of failure; the lists behind the links show the rest.
MOST_FAILURES = 20
# Later than this and somebody should know: a few looks for work have been missed.
LATE = timedelta(seconds=60)
DAY = timedelta(hours=24)

FAILED_MESSAGES = (MessageState.FAILED, MessageState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Failure:
    """One row that needs a person: what it is, and why it stopped (a message id of a reason with its values)."""

    pk: int
    title: str
    state: str
    at: datetime | None
    reason: str
    data: dict[str, Any]
    # Trying it again may do the same thing twice.
    may_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Failures:
    """The newest failures of one kind, and how many there are in all."""

    rows: list[Failure]
    total: int


@dataclass(frozen=True, slots=True)
class ChainTrouble:
    """A chain that the watch has paused, or warns of; `reason` is a message id with its values."""

    pk: int
    name: str
    is_paused: bool
    reason: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Health:
    """What the health page shows. Durations are measured against `now`."""

    now: datetime
    paused: Control | None
    backlog: list[int]
    oldest_due: datetime | None
    pending_events: int
    oldest_event: datetime | None
    last_tick: datetime | None
    last_turn: datetime | None
    capture_failed: Heartbeat | None
    lanes: list[LaneQueue]
    sent_in_a_day: dict[str, int]
    journeys: Failures
    messages: Failures
    events: Failures
    chains: list[ChainTrouble]
    # Fan-outs that failed, stand still, or were left out lately; chains that fed each other.
    fanouts: list[Fanout]
    circle: Heartbeat | None
    wait_scale: float

    @property
    def backlog_total(self) -> int:
        return sum(self.backlog)

    @property
    def lateness(self) -> timedelta | None:
        """How long the oldest due journey has been waiting."""
        return self.now - self.oldest_due if self.oldest_due else None

    @property
    def has_worker(self) -> bool:
        """Whether somebody looked for work lately."""
        return self.last_tick is not None and self.now - self.last_tick < LATE

    @property
    def is_behind(self) -> bool:
        return self.lateness is not None and self.lateness > LATE

    @property
    def is_behind_with_events(self) -> bool:
        return self.oldest_event is not None and self.now - self.oldest_event > LATE

    @property
    def failures(self) -> int:
        return self.journeys.total + self.messages.total + self.events.total

    @property
    def is_ok(self) -> bool:
        late = self.is_behind or self.is_behind_with_events or any(lane.needs_a_look for lane in self.lanes)
        trouble = self.failures or self.chains or self.fanouts or self.circle
        return self.has_worker and not (self.paused or late or trouble)


def health(now: datetime) -> Health:
    """The state of the engine at `now`; at most nineteen queries, however much there is."""
    beats = {beat.name: beat for beat in Heartbeat.objects.all()}
    backlog, oldest_due = _backlog(now)
    pending, oldest_event = _pending()
    return Health(
        now=now,
        paused=pause_of_everything(),
        backlog=backlog,
        oldest_due=oldest_due,
        pending_events=pending,
        oldest_event=oldest_event,
        last_tick=_at(beats, "tick"),
        last_turn=_at(beats, "turn"),
        capture_failed=beats.get("capture_failed"),
        lanes=lane_queues(_last_sends(beats), now, LATE),
        sent_in_a_day=_sent_since(now - DAY),
        journeys=_failed_journeys(),
        messages=_failed_messages(),
        events=_set_aside_events(),
        chains=troubled_chains(now),
        fanouts=troubled_fanouts(now),
        circle=circle if (circle := beats.get("circle")) and now - circle.at < DAY else None,
        wait_scale=settings.WAIT_SCALE,
    )


def troubled_chains(now: datetime) -> list[ChainTrouble]:
    """Chains that the watch paused, then those it warns of; two statements."""
    paused = Chain.objects.filter(status=ChainStatus.PAUSED).exclude(paused_why="")
    return [
        *(ChainTrouble(one.pk, one.name, True, one.paused_why, one.paused_data) for one in paused),
        *(
            ChainTrouble(one.chain.pk, one.chain.name, False, one.reason.text, dict(one.reason.data))
            for one in find_alarms(now)
        ),
    ]


def troubled_fanouts(now: datetime) -> list[Fanout]:
    """Those that failed, those whose next slice is late, those left out as too late in the last day; one statement."""
    late = Q(state=FanoutState.RUNNING, next_at__lt=now - LATE)
    left_out = Q(state=FanoutState.SKIPPED, ended_at__gte=now - DAY)
    troubled = Fanout.objects.filter(late | left_out | Q(state=FanoutState.FAILED))
    return list(troubled.order_by("-pk")[:MOST_FAILURES])


def _at(beats: dict[str, Heartbeat], name: str) -> datetime | None:
    return beats[name].at if name in beats else None


def _backlog(now: datetime) -> tuple[list[int], datetime | None]:
    # Naming the shards lets the index (shard, due_at) answer with one short range each.
    due = Journey.objects.filter(shard__in=range(SHARDS), due_at__lte=now)
    rows = list(due.values("shard").annotate(number=Count("pk"), oldest=Min("due_at")).order_by())
    counts = {row["shard"]: row["number"] for row in rows}
    return [counts.get(shard, 0) for shard in range(SHARDS)], min(
        (row["oldest"] for row in rows), default=None
    )


def _pending() -> tuple[int, datetime | None]:
    waiting = PendingEvent.objects.filter(is_set_aside=False).aggregate(number=Count("pk"), first=Min("pk"))
    oldest = Event.objects.filter(pk=waiting["first"]).values_list("recorded_at", flat=True).first()
    return waiting["number"], oldest


def _last_sends(beats: dict[str, Heartbeat]) -> dict[str, datetime]:
    return {name.removeprefix("send:"): row.at for name, row in beats.items() if name.startswith("send:")}


def _sent_since(moment: datetime) -> dict[str, int]:
    """Messages made since `moment` by state, in the order of a message's life."""
    rows = Message.objects.filter(created_at__gte=moment).values_list("state").annotate(number=Count("pk"))
    counts = Counter(dict(rows.order_by()))
    return {state: counts[state] for state in MessageState.values if counts[state]}


def _failed_journeys() -> Failures:
    # Journeys that are parked with their paused chain go on by themselves when it does.
    stopped = Journey.objects.filter(status__in=NEED_A_PERSON, resume_due_at__isnull=True)
    newest = list(stopped.select_related("chain").order_by("-pk")[:MOST_FAILURES])
    reasons = _last_transitions([journey.pk for journey in newest if not journey.error])
    rows = []
    for journey in newest:
        text, data = (journey.error, {}) if journey.error else reasons.get(journey.pk, ("", {}))
        title = f"{journey.chain} · {journey.step}" if journey.step else str(journey.chain)
        rows.append(Failure(journey.pk, title, journey.get_status_display(), journey.since, text, data))
    return Failures(rows, _total(rows, stopped))


def _last_transitions(journey_ids: Sequence[int]) -> dict[int, tuple[str, dict]]:
    moves = Transition.objects.filter(journey__in=journey_ids).order_by("journey", "seq")
    return {move.journey_id: (move.reason, move.data) for move in moves}


def _failed_messages() -> Failures:
    failed = Message.objects.filter(state__in=FAILED_MESSAGES)
    rows = [
        Failure(
            one.pk,
            str(one),
            one.get_state_display(),
            one.created_at,
            one.reason,
            one.reason_data,
            may_repeat=one.state == MessageState.UNKNOWN,
        )
        for one in failed.order_by("-pk")[:MOST_FAILURES]
    ]
    return Failures(rows, _total(rows, failed))


def _set_aside_events() -> Failures:
    aside = PendingEvent.objects.filter(is_set_aside=True)
    rows = [
        Failure(one.pk, one.event.name, "", one.event.recorded_at, one.error, {})
        for one in aside.select_related("event").order_by("-pk")[:MOST_FAILURES]
    ]
    return Failures(rows, _total(rows, aside))


def _total(rows: list[Failure], everything: QuerySet[Any]) -> int:
    """Counting is left out while the rows on the page are all there are."""
    return len(rows) if len(rows) < MOST_FAILURES else everything.count()
