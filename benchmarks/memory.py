"""Megabytes that a worker holds after half a million steps.

The journeys of the benchmark `turn` are moved over and over by one worker: it reads facts, asks a condition, queues a
letter. What is held after the first tenth is compared with what is held at the end: graphs, templates, connections and
whatever else a process keeps must not grow with what it does.
"""

from __future__ import annotations

from typing import Any

from benchmarks.harness.database import durability, own_database, run_sql
from benchmarks.harness.resident import resident_kilobytes
from benchmarks.harness.result import Plan, Result, machine
from benchmarks.harness.workers import Crew, crew

ROUNDS = 50
MOST_MEGABYTES = 200.0
# Flat: no more than a tenth above what was held after the first tenth.
MOST_GROWTH = 1.1


def run(plan: Plan) -> Result:
    journeys = plan.pick(10_000, 600, 50)
    with own_database():
        from benchmarks.turn import fill

        conditions: dict[str, Any] = machine() | durability()
        fill(journeys, 1)
        with crew(1) as workers:
            at_start = megabytes(workers)
            held = [move(workers, journeys) for _round in range(ROUNDS)]
    first, last = held[ROUNDS // 10 - 1], max(held[-ROUNDS // 10 :])
    return Result(
        "memory",
        last,
        "MB",
        conditions
        | {
            "steps": journeys * ROUNDS,
            "workers": 1,
            "at_start": at_start,
            "every_tenth": held[ROUNDS // 10 - 1 :: ROUNDS // 10],
        },
        {"two_hundred": MOST_MEGABYTES, "after_a_tenth": first},
        {"two_hundred": round(MOST_MEGABYTES / last, 3), "after_a_tenth": round(first / last, 3)},
        {"two_hundred": 1.0, "after_a_tenth": round(1 / MOST_GROWTH, 3)},
    )


def move(workers: Crew, journeys: int) -> float:
    """Let the worker move every journey once more, from the same step. Returns the megabytes it holds then."""
    from benchmarks.turn import take_turns

    run_sql("TRUNCATE triggers_message, triggers_transition")
    run_sql(
        "UPDATE triggers_journey SET step = 'wait', messages_queued = 0, due_at = now() - interval '1 second'"
    )
    done = workers.run(1, take_turns)
    if done.done != journeys:
        raise AssertionError(f"{done.done} of {journeys} journeys were moved")
    return megabytes(workers)


def megabytes(workers: Crew) -> float:
    return round(workers.run(1, resident_kilobytes).done / 1024, 1)
