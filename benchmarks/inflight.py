"""Seconds in which one worker moves what is due, among few, many and very many journeys that wait.

What is due is as much each time, and lies together: these journeys entered at the same time. Only the number of those
that wait grows. The rival is the same worker on the smallest table.
"""

from __future__ import annotations

from statistics import median
from typing import Any

from benchmarks.harness.database import durability, own_database, run_sql, tidy
from benchmarks.harness.journeys import REMINDER, TABLES, add_waiting, make_chain
from benchmarks.harness.result import Plan, Result, machine
from benchmarks.harness.workers import Crew, crew
from benchmarks.turn import BATCH, take_turns

REPEATS = 3
# A fifth more time at most.
AIM = round(1 / 1.2, 3)
# Rows that one statement of the filling adds.
SLICE = 500_000


def run(plan: Plan) -> Result:
    due = plan.pick(10_000, 2_000, 100)
    sizes = [due, plan.pick(1_000_000, 20_000, 1_000), plan.pick(5_000_000, 100_000, 2_000)]
    conditions: dict[str, Any] = machine()
    with own_database(), crew(1) as worker:
        conditions |= durability()
        chain = make_chain(REMINDER)
        runs: dict[int, list[float]] = {}
        waiting = 0
        for size in sizes:
            for first in range(waiting + 1, size + 1, SLICE):
                add_waiting(chain, first, min(size, first + SLICE - 1))
            waiting = size
            tidy(*TABLES)
            seconds = [_move(worker, chain, waiting, due) for _repeat in range(plan.repeats(REPEATS) + 1)]
            # The first only warms up.
            runs[size] = seconds[1:]
    times = {size: round(median(seconds), 4) for size, seconds in runs.items()}
    few, most = sizes[0], sizes[-1]
    rival = f"among_{few}"
    return Result(
        "inflight",
        times[most],
        "s",
        conditions
        | {
            "workers": 1,
            "batch": BATCH,
            "due": due,
            "waiting": most,
            "seconds_by_waiting": times,
            "slower_by_waiting": {size: round(time / times[few], 3) for size, time in times.items()},
            "runs": {size: [round(one, 3) for one in seconds] for size, seconds in runs.items()},
        },
        {rival: times[few]},
        {rival: round(times[few] / times[most], 3)},
        {rival: AIM},
    )


def _move(worker: Crew, chain: Any, waiting: int, due: int) -> float:
    """Let `due` more journeys enter, fall due and be moved; take them away again. Returns the seconds of the moving."""
    add_waiting(chain, waiting + 1, waiting + due)
    run_sql("UPDATE triggers_journey SET due_at = now() WHERE id > %s", [waiting])
    tidy(*TABLES, "triggers_message", "triggers_transition")
    done = worker.run(1, take_turns)
    if done.done != due:
        raise AssertionError(f"{done.done} of {due} journeys were moved")
    run_sql("TRUNCATE triggers_message, triggers_transition")
    run_sql("DELETE FROM triggers_journey WHERE id > %s", [waiting])
    run_sql("DELETE FROM triggers_event WHERE contact_id > %s", [waiting])
    run_sql("DELETE FROM triggers_contact WHERE id > %s", [waiting])
    return done.seconds
