"""Contacts per second that a schedule lets in: planned, given their events, matched, and on their first step.

One schedule comes due for all contacts, in four time zones at once. Two workers do what the engine's own loop does, with the
rate of fan-outs set out of their way. What they hold after a tenth of the contacts is compared with what they hold at the end.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from benchmarks.harness.database import durability, own_database, run_sql, tidy
from benchmarks.harness.resident import resident_kilobytes
from benchmarks.harness.result import Plan, Result, machine
from benchmarks.harness.workers import Crew, crew

WORKERS = 2
# One clock, four fan-outs.
ZONES = ("Europe/Berlin", "Europe/Madrid", "Europe/Paris", "Europe/Rome")
# The rate of a fan-out when nothing else is said.
LEAST = 1_000.0
MOST_GROWTH = 1.1
TABLES = ("event", "pendingevent", "journey", "entryledger", "transition")


def run(plan: Plan) -> Result:
    contacts = plan.pick(1_000_000, 40_000, 2_000)
    with own_database():
        conditions: dict[str, Any] = machine() | durability()
        add_everybody(contacts)
        with crew(WORKERS) as workers:
            first_seconds = let_in(workers, contacts // 10)
            first = megabytes(workers)
            seconds = first_seconds + let_in(workers, contacts)
            last = megabytes(workers)
        inside = run_sql("SELECT count(*), count(DISTINCT contact_id) FROM triggers_journey")[0]
    if inside != (contacts, contacts):
        raise AssertionError(f"{inside} journeys and contacts of {contacts}")
    figure = round(contacts / seconds, 1)
    return Result(
        "fanout",
        figure,
        "contacts/s",
        conditions
        | {
            "contacts": contacts,
            "workers": WORKERS,
            "zones": len(ZONES),
            "seconds": round(seconds, 1),
            "megabytes_per_worker": [round(first, 1), round(last, 1)],
            "growth": round(last / first, 3),
        },
        {"the_usual_rate": LEAST, "megabytes_after_a_tenth": round(first, 1)},
        {"the_usual_rate": round(figure / LEAST, 3), "megabytes_after_a_tenth": round(first / last, 3)},
        {"the_usual_rate": 1.0, "megabytes_after_a_tenth": round(1 / MOST_GROWTH, 3)},
    )


def add_everybody(contacts: int) -> None:
    """Contacts in four time zones, a live chain that came due two minutes ago, and its plan."""
    from zoneinfo import ZoneInfo

    from django.utils import timezone

    from benchmarks.harness.shop import add_contacts
    from tests.build import live_chain
    from triggers.engine.plan import plan_fanouts
    from triggers.models import Chain

    add_contacts(contacts)
    for number, zone in enumerate(ZONES):
        run_sql("UPDATE triggers_contact SET time_zone = %s WHERE id %% 4 = %s", [zone, number])
    due = timezone.now() - timedelta(minutes=2)
    live_chain(
        [("wait", "wait", {"amount": 3, "unit": "days"})],
        entry_kind="schedule",
        entry_config={"every": "day", "at": f"{due.astimezone(ZoneInfo(ZONES[0])):%H:%M}"},
    )
    Chain.objects.update(activated_at=due - timedelta(hours=1))
    tidy("triggers_contact")
    assert plan_fanouts() == len(ZONES)


def let_in(workers: Crew, until: int) -> float:
    """Let the workers go on until so many contacts have their event and are inside. Returns the seconds that took."""
    seconds = 0.0
    while run_sql("SELECT count(*) FROM triggers_event")[0][0] < until:
        # In parts, so that what autovacuum would do can be done in between.
        seconds += workers.run(WORKERS, give_out, 20_000).seconds
        seconds += workers.run(WORKERS, match_all).seconds
        tidy(*(f"triggers_{name}" for name in TABLES))
    return seconds


def give_out(most: int) -> int:
    """In a worker: slices of fan-outs, until none is due or there are so many events."""
    from django.conf import settings

    from triggers.engine.fan_out import fan_out, has_fanouts

    settings.TRIGGERS["FANOUT_RATE"] = 1e9
    written = 0
    while written < most and has_fanouts():
        written += fan_out(seconds=0)
    return written


def match_all() -> int:
    """In a worker: turns, until no shard has work. Returns how many events and steps they took."""
    from triggers.engine.turn import turn
    from triggers.workload import find_work

    done = 0
    while shards := find_work().shards:
        result = turn(*shards)
        done += result.events + result.steps
    return done


def megabytes(workers: Crew) -> float:
    return workers.run(WORKERS, resident_kilobytes).done / WORKERS / 1024
