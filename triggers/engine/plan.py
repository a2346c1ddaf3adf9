"""When the triggers with a calendar come due: once a minute, each occasion becomes a fan-out for each time zone."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from django.conf import settings as django_settings
from django.db import transaction

from triggers.clock import DatabaseNow
from triggers.crashpoints import crash_point
from triggers.engine.live import live_chains
from triggers.engine.shards import read_clock
from triggers.entries.fanned import Occasion, digest_of
from triggers.entries.timed import TimedEntry, occasions
from triggers.heartbeat import beat
from triggers.logs import note
from triggers.models import Contact, Fanout, FanoutState, Heartbeat

logger = logging.getLogger(__name__)

# Sign of life of the planner: everything due until then has its fan-outs.
PLANNED = "plan"
# Chains and contacts that a plan could not see because their transactions were still open are seen by a later one.
SLACK = timedelta(minutes=10)
# As good as never.
EVER = datetime(1970, 1, 2, tzinfo=UTC)
# Longer ago than this nobody asks what was missed.
LONGEST_GAP = timedelta(days=31)
# The widest that clocks on Earth differ from UTC.
WIDEST = timedelta(hours=15)


@dataclass(frozen=True, slots=True)
class Trigger:
    """Kind and settings that one or more live chains share; `since` is when the first of them went live."""

    kind: TimedEntry
    config: Any
    since: datetime

    @property
    def digest(self) -> str:
        return digest_of(self.kind.key, self.config)

    def occasions(
        self, zones: Iterable[str], after: datetime, until: datetime
    ) -> Iterator[tuple[str, Occasion]]:
        """Zones with the occasions there later than `after` and not later than `until` (both in UTC)."""
        first, last = (moment.replace(tzinfo=None) for moment in (after - WIDEST, until + WIDEST))
        walls = list(self.kind.walls(self.config, first, last))
        for zone in zones:
            for one in occasions(self.kind, self.config, zone, walls, django_settings.TIME_ZONE):
                if after < one.at <= until:
                    yield zone, one


def plan_fanouts() -> int:
    """Write down every occasion that has come since the last plan. Returns how many fan-outs that made.

    Any number of processes may plan at once: an occasion is one row for each trigger and zone.
    """
    triggers = live_triggers()
    if not triggers:
        return 0
    now = read_clock()
    planned_at = Heartbeat.objects.filter(pk=PLANNED).values_list("at", flat=True).first()
    since = max(min(planned_at or EVER, now) - SLACK, now - LONGEST_GAP)
    zones = list(zones_in_use())
    said = [(trigger, _due(trigger, zones, max(since, trigger.since), now)) for trigger in triggers]
    wanted = [_fanout(trigger, zone, occasion) for trigger, due in said for zone, occasion in due or ()]
    known = set(
        Fanout.objects.filter(trigger__in={one.digest for one in triggers}, due_at__gte=since).values_list(
            "trigger", "slot", "zone"
        )
    )
    new = [one for one in wanted if (one.trigger, one.slot, one.zone) not in known]
    with transaction.atomic():
        Fanout.objects.bulk_create(new, ignore_conflicts=True)
        # What one of them cannot say now is asked again; the others are in no hurry to be planned twice.
        if all(due is not None for _trigger, due in said):
            beat(PLANNED)
        crash_point("plan.before_commit")
    return len(new)


def leave_out_missed() -> None:
    """After a restored backup: what came due since it was taken may have been given out, and is not given out again."""
    Fanout.objects.running().update(state=FanoutState.SKIPPED, ended_at=DatabaseNow())
    beat(PLANNED)


def live_triggers() -> list[Trigger]:
    """The triggers with a calendar of the live chains, each once."""
    found: dict[str, Trigger] = {}
    for chain in live_chains():
        kind, config = chain.graph.entry, chain.graph.entry_config
        if isinstance(kind, TimedEntry):
            digest = digest_of(kind.key, config)
            since = min(chain.activated_at, found[digest].since) if digest in found else chain.activated_at
            found[digest] = Trigger(kind, config, since)
    return list(found.values())


def zones_in_use() -> Iterator[str]:
    """The zones of the contacts as they are stored, "" among them. A few index probes for each, however many contacts."""
    zones = Contact.objects.order_by("time_zone").values_list("time_zone", flat=True)
    zone = zones.first()
    while zone is not None:
        yield zone
        zone = zones.filter(time_zone__gt=zone).first()


def _due(
    trigger: Trigger, zones: Sequence[str], after: datetime, until: datetime
) -> Sequence[tuple[str, Occasion]] | None:
    """The trigger's occasions; None of one that cannot say when, so that the others are planned all the same."""
    try:
        return list(trigger.occasions(zones, after, until))
    except Exception as error:
        note(logger, logging.ERROR, "plan.failed", kind=trigger.kind.key, trigger=trigger.digest, error=error)
        return None


def _fanout(trigger: Trigger, zone: str, occasion: Occasion) -> Fanout:
    return Fanout(
        kind=trigger.kind.key,
        trigger=trigger.digest,
        config=msgspec.to_builtins(trigger.config),
        segment=getattr(trigger.config, "segment", ""),
        slot=occasion.name,
        zone=zone,
        due_at=occasion.at,
        next_at=occasion.at,
    )
