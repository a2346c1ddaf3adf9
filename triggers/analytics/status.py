"""The state of the engine as plain figures, for programs: `triggers_status`, `triggers_check`, metrics."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from triggers.analytics.health import ChainTrouble, health
from triggers.analytics.lanes import LaneQueue
from triggers.core.words import say
from triggers.models import Chain, ChainStatus, Message, MessageState


@dataclass(frozen=True, slots=True)
class LaneStatus:
    """`state` is "working", "paused" or "broken"; `detail` is what the provider said last. `is_own_fault`: our account or
    domain is refused. `slow_domains`: seconds until each is tried again."""

    lane: str
    waiting: int
    oldest_seconds: float | None
    last_send_seconds: float | None
    state: str = "working"
    detail: str = ""
    is_own_fault: bool = False
    slow_domains: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause of everything. `by` is a user's name, "" for a command."""

    since: datetime | None
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Status:
    """Ages are seconds before `at`; None: never, or nothing there. Counts of failures are of what waits for a person."""

    at: datetime
    everything_paused: Pause | None
    tick_seconds: float | None
    turn_seconds: float | None
    due_journeys: int
    oldest_due_seconds: float | None
    pending_events: int
    oldest_event_seconds: float | None
    lanes: list[LaneStatus]
    unknown_messages: int
    failed_messages: int
    stopped_journeys: int
    set_aside_events: int
    failed_captures: int
    paused_chains: list[str]
    # What the watch says, by the chain's id: those it paused, and those it warns of.
    troubled_chains: dict[int, str]
    wait_scale: float

    def plain(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {**asdict(self), "at": self.at.isoformat(), "everything_paused": self._plain_pause()}

    def _plain_pause(self) -> dict[str, Any] | None:
        pause = self.everything_paused
        return {**asdict(pause), "since": pause.since and pause.since.isoformat()} if pause else None


def status(now: datetime) -> Status:
    """The state at `now`, in a fixed number of statements: those of the health page and three more."""
    state = health(now)
    unknown = Message.objects.filter(state=MessageState.UNKNOWN).count()
    paused = state.paused

    def age(moment: datetime | None) -> float | None:
        return (now - moment).total_seconds() if moment else None

    def lane_status(queue: LaneQueue) -> LaneStatus:
        state = "paused" if queue.is_paused else "broken" if queue.broken_since else "working"
        return LaneStatus(
            *(queue.lane, queue.waiting, age(queue.oldest), age(queue.last_send), state, queue.detail),
            is_own_fault=queue.is_own_fault,
            slow_domains={
                one.domain: max(0.0, (one.until - now).total_seconds()) for one in queue.slow_domains
            },
        )

    return Status(
        at=now,
        everything_paused=Pause(paused.paused_at, str(paused.by or ""), paused.why) if paused else None,
        tick_seconds=age(state.last_tick),
        turn_seconds=age(state.last_turn),
        due_journeys=state.backlog_total,
        oldest_due_seconds=age(state.oldest_due),
        pending_events=state.pending_events,
        oldest_event_seconds=age(state.oldest_event),
        lanes=[lane_status(queue) for queue in state.lanes],
        unknown_messages=unknown,
        failed_messages=state.messages.total - unknown,
        stopped_journeys=state.journeys.total,
        set_aside_events=state.events.total,
        failed_captures=state.capture_failed.count if state.capture_failed else 0,
        paused_chains=paused_chains(),
        troubled_chains={one.pk: _said(one) for one in state.chains},
        wait_scale=state.wait_scale,
    )


def _said(trouble: ChainTrouble) -> str:
    what = "was paused by itself" if trouble.is_paused else "is watched"
    return f"{trouble.name} {what}: {say(trouble.reason, trouble.data)}"


def paused_chains() -> list[str]:
    """Keys of chains that stand still."""
    return list(Chain.objects.filter(status=ChainStatus.PAUSED).order_by("key").values_list("key", flat=True))
