"""Metrics for Prometheus, read from the database at each scrape: `pip install "django-trigger-chains[prometheus]"`.

The figures are the shop's and not one process's, so it does not matter which web process answers, nor how many workers
there are. Give the view an address of your own, and keep strangers away from it: see docs/operations.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from triggers.analytics.counters import counters
from triggers.analytics.status import LaneStatus, Status, status
from triggers.engine.shards import read_clock

# Counters by the sign of life that they are read from.
COUNTED = {
    "tick": ("triggers_ticks", "Looks for work"),
    "turn": ("triggers_turned", "Events matched and steps made"),
    "capture_failed": ("triggers_captures_failed", "Events that could not be recorded"),
}
# Ages that nothing has are left out: a gauge of 0 would say that all is fresh.
AGES = {
    "tick_seconds": "Since somebody last looked for work",
    "turn_seconds": "Since a turn last had something to do",
    "oldest_due_seconds": "That the oldest due journey has been waiting",
    "oldest_event_seconds": "That the oldest event has been waiting",
}
COUNTS = {
    "due_journeys": "Journeys that are due",
    "pending_events": "Events that no turn has matched yet",
    "unknown_messages": "Messages of which nobody knows whether they were sent",
    "failed_messages": "Messages that failed for good",
    "stopped_journeys": "Journeys that wait for a person",
    "set_aside_events": "Events that were set aside",
    "wait_scale": "Factor on every wait",
}


class TriggersCollector(Collector):
    """For a registry of your own, or Prometheus's default one. A scrape costs what the health page does."""

    def describe(self) -> list[Metric]:
        """Nothing, so that registering asks no database."""
        return []

    def collect(self) -> Iterator[Metric]:
        state = status(read_clock())
        yield from _gauges(state)
        yield from _lanes(state.lanes)
        yield from _counters()


@never_cache
@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The metrics in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(TriggersCollector())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _gauges(state: Status) -> Iterator[Metric]:
    for name, text in COUNTS.items():
        yield GaugeMetricFamily(f"triggers_{name}", text, value=getattr(state, name))
    for name, text in AGES.items():
        age = getattr(state, name)
        if age is not None:
            yield GaugeMetricFamily(f"triggers_{name}", text, value=age)
    paused = float(state.everything_paused is not None)
    yield GaugeMetricFamily("triggers_everything_paused", "1 while everything is paused", value=paused)
    yield GaugeMetricFamily(
        "triggers_paused_chains", "Chains that stand still", value=len(state.paused_chains)
    )
    troubled = len(state.troubled_chains)
    yield GaugeMetricFamily(
        "triggers_troubled_chains", "Chains that the watch paused or warns of", value=troubled
    )


def _lanes(lanes: list[LaneStatus]) -> Iterator[Metric]:
    waiting = GaugeMetricFamily("triggers_lane_waiting", "Messages that may leave now", labels=["lane"])
    oldest = GaugeMetricFamily(
        "triggers_lane_oldest_seconds", "That the oldest has been waiting", labels=["lane"]
    )
    state = GaugeMetricFamily(
        "triggers_lane_state", "1 for the state that it is in", labels=["lane", "state"]
    )
    for lane in lanes:
        waiting.add_metric([lane.lane], lane.waiting)
        if lane.oldest_seconds is not None:
            oldest.add_metric([lane.lane], lane.oldest_seconds)
        for name in ("working", "paused", "broken"):
            state.add_metric([lane.lane, name], float(lane.state == name))
    yield from (waiting, oldest, state)


def _counters() -> Iterator[Metric]:
    found = counters()
    for name, (metric, text) in COUNTED.items():
        yield CounterMetricFamily(metric, text, value=found.get(name, 0))
    handled = CounterMetricFamily("triggers_lane_handled", "Messages that senders took up", labels=["lane"])
    for name, number in sorted(found.items()):
        if name.startswith("send:"):
            handled.add_metric([name.removeprefix("send:")], number)
    yield handled
