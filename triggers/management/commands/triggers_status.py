"""The figures of the health page in a shell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from triggers.analytics.status import LaneStatus, Status, status
from triggers.engine.shards import read_clock


class Command(BaseCommand):
    help = "Says whether everything is running, what is late and what failed. Changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help="for programs")

    def handle(self, *args: Any, as_json: bool, **options: Any) -> None:
        state = status(read_clock())
        self.stdout.write(json.dumps(state.plain(), indent=2) if as_json else "\n".join(_lines(state)))


def _lines(state: Status) -> Iterator[str]:
    pause = state.everything_paused
    if pause:
        by = pause.by or "a command"
        since = f"{pause.since:%Y-%m-%d %H:%M:%S %Z}" if pause.since else "?"
        yield f"EVERYTHING IS PAUSED since {since} by {by}: {pause.why or 'no reason given'}"
    yield f"last look for work    {_ago(state.tick_seconds)}"
    yield f"last turn             {_ago(state.turn_seconds)}"
    yield f"due journeys          {state.due_journeys}{_oldest(state.oldest_due_seconds)}"
    yield f"events waiting        {state.pending_events}{_oldest(state.oldest_event_seconds)}"
    # Below the other figures when the names are short.
    width = max(16, *(len(lane.lane) for lane in state.lanes))
    for lane in state.lanes:
        yield f"lane {lane.lane:<{width}} {_lane(lane)}"
    yield f"unknown messages      {state.unknown_messages}"
    yield f"failed messages       {state.failed_messages}"
    yield f"stopped journeys      {state.stopped_journeys}"
    yield f"events set aside      {state.set_aside_events}"
    yield f"captures that failed  {state.failed_captures}"
    yield f"paused chains         {', '.join(state.paused_chains) or 'none'}"
    for said in state.troubled_chains.values():
        yield f"chain                 {said}"
    if state.wait_scale != 1:
        yield f"WAIT_SCALE            {state.wait_scale:g}"


def _lane(lane: LaneStatus) -> str:
    trouble = f", {lane.state}: {lane.detail}".rstrip(": ") if lane.state != "working" else ""
    if lane.slow_domains:
        trouble += f", slow domains: {', '.join(lane.slow_domains)}"
    return f"{lane.waiting} waiting{_oldest(lane.oldest_seconds)}, last send {_ago(lane.last_send_seconds)}{trouble}"


def _ago(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.0f} s ago"


def _oldest(seconds: float | None) -> str:
    return "" if seconds is None else f", the oldest for {seconds:.0f} s"
