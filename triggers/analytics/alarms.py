"""What of a status is worth an alarm. Pure: a status and limits in, problems out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from math import inf

from triggers.analytics.status import LaneStatus, Status


class Level(IntEnum):
    """The exit codes that Nagios and its heirs understand."""

    OK = 0
    WARNING = 1
    CRITICAL = 2


@dataclass(frozen=True, slots=True)
class Limit:
    """From these values on it is a warning, and critical. Infinity: never."""

    warning: float = inf
    critical: float = inf

    def level(self, value: float) -> Level:
        if value >= self.critical:
            return Level.CRITICAL
        return Level.WARNING if value >= self.warning else Level.OK


# By the name of the option of `triggers_check`: the unit, and the limits when nothing else is said.
DEFAULTS: dict[str, tuple[str, Limit]] = {
    "tick": ("seconds since somebody last looked for work", Limit(60, 300)),
    "due": ("seconds that the oldest due journey has been waiting", Limit(120, 900)),
    "events": ("seconds that the oldest event has been waiting", Limit(120, 900)),
    "queued": ("seconds that the oldest message of any lane has been waiting", Limit(300, 1800)),
    "unknown": ("messages of which nobody knows whether they were sent", Limit(1, 100)),
    "failed": ("failed messages, stopped journeys and events that were set aside", Limit(1, 100)),
}


@dataclass(frozen=True, slots=True)
class Problem:
    level: Level
    text: str

    def __str__(self) -> str:
        return f"{self.level.name}: {self.text}"


def find_problems(status: Status, limits: Mapping[str, Limit]) -> list[Problem]:
    """Everything that is wrong, the worst first. `limits` has every key of DEFAULTS."""
    found = [*_switches(status), *_ages(status, limits), *_lanes(status.lanes), *_counts(status, limits)]
    return sorted((one for one in found if one.level), key=lambda one: -one.level)


def _switches(status: Status) -> Iterator[Problem]:
    if status.everything_paused:
        yield Problem(
            Level.WARNING, f"everything is paused: {status.everything_paused.why or 'no reason given'}"
        )
    for said in status.troubled_chains.values():
        yield Problem(Level.WARNING, f"chain {said}")
    if status.wait_scale != 1:
        yield Problem(Level.WARNING, f"WAIT_SCALE is {status.wait_scale:g}: every wait is multiplied by it")


def _ages(status: Status, limits: Mapping[str, Limit]) -> Iterator[Problem]:
    if status.tick_seconds is None:
        if limits["tick"].critical < inf:
            yield Problem(Level.CRITICAL, "nobody has ever looked for work")
    else:
        text = f"nobody has looked for work for {status.tick_seconds:.0f} s"
        yield Problem(limits["tick"].level(status.tick_seconds), text)
    if status.oldest_due_seconds is not None:
        text = f"due journeys: {status.due_journeys}, the oldest for {status.oldest_due_seconds:.0f} s"
        yield Problem(limits["due"].level(status.oldest_due_seconds), text)
    if status.oldest_event_seconds is not None:
        text = f"waiting events: {status.pending_events}, the oldest for {status.oldest_event_seconds:.0f} s"
        yield Problem(limits["events"].level(status.oldest_event_seconds), text)
    for lane in status.lanes:
        if lane.oldest_seconds is not None:
            text = (
                f"waiting messages in {lane.lane}: {lane.waiting}, the oldest for {lane.oldest_seconds:.0f} s"
            )
            yield Problem(limits["queued"].level(lane.oldest_seconds), text)


def _lanes(lanes: list[LaneStatus]) -> Iterator[Problem]:
    for lane in lanes:
        if lane.state == "broken":
            whose = ", our account or domain is refused" if lane.is_own_fault else ""
            text = f"the provider of {lane.lane} does not work{whose}: {lane.detail}"
            yield Problem(Level.CRITICAL, text.rstrip(": "))
        if lane.state == "paused":
            yield Problem(Level.WARNING, f"{lane.lane} is paused")


def _counts(status: Status, limits: Mapping[str, Limit]) -> Iterator[Problem]:
    text = f"messages that may or may not have been sent: {status.unknown_messages}"
    yield Problem(limits["unknown"].level(status.unknown_messages), text)
    failed = status.failed_messages + status.stopped_journeys + status.set_aside_events
    text = (
        f"failed messages: {status.failed_messages}, stopped journeys: {status.stopped_journeys}, "
        f"events set aside: {status.set_aside_events}"
    )
    yield Problem(limits["failed"].level(failed), text)
