"""How much slower claims become while another session holds a transaction open: the last tenth to the first.

Such a session (a dump, a report, a stuck replica) keeps the database from cleaning away what moved on, so every step
leaves an index entry at the place where due journeys are looked for. Measured in two shapes: one wave of journeys that
share one due moment, and many small waves one after the other; the worse one is the figure.

`from_the_bottom` is the same engine made to forget, before each claim and look, how far it has seen the index.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any
from unittest.mock import patch

from benchmarks.harness.database import durability, own_database, run_sql, tidy
from benchmarks.harness.journeys import TWO_WAITS, add_waiting, make_chain
from benchmarks.harness.result import Plan, Result, machine

# How much slower the last claims may be.
TWICE = 2.0
WAVES = 50
SHAPES = {"one_wave": 1, "many_waves": WAVES}
WAYS = {"marked": False, "from_the_bottom": True}


@dataclass
class Times:
    """Milliseconds of every claim and of every look, in order."""

    claims: list[float] = field(default_factory=list)
    looks: list[float] = field(default_factory=list)
    seconds: float = 0.0


def run(plan: Plan) -> Result:
    steps = plan.pick(500_000, 40_000, 4_000)
    with own_database():
        conditions = machine() | durability()
        chain = make_chain(TWO_WAITS)
        add_waiting(chain, 1, steps, with_events=False)
        times = {
            (shape, way): _measure(steps, waves, forgets)
            for shape, waves in SHAPES.items()
            for way, forgets in WAYS.items()
        }
    growth = {key: _growth(one.claims) for key, one in times.items()}
    shape = max(SHAPES, key=lambda one: growth[one, "marked"])
    figure, unmarked = growth[shape, "marked"], growth[shape, "from_the_bottom"]
    return Result(
        "longtx",
        figure,
        "times slower",
        conditions
        | {
            "workers": 1,
            "steps": steps,
            "waves": SHAPES,
            "worse": shape,
            "by_shape": {f"{one}_{way}": _shown(found, steps) for (one, way), found in times.items()},
        },
        {"twice": TWICE, "from_the_bottom": unmarked},
        {"twice": round(TWICE / figure, 3), "from_the_bottom": round(unmarked / figure, 3)},
        {"twice": 1.0},
    )


def _measure(steps: int, waves: int, forgets: bool) -> Times:
    """Move every journey once, wave after wave, under somebody's open transaction."""
    from triggers.engine.turn import turn

    run_sql("TRUNCATE triggers_transition")
    # Back to where they were, with nothing left behind.
    run_sql("UPDATE triggers_journey SET step = 'wait', seq = 2, due_at = now() + interval '1 hour'")
    run_sql("VACUUM FULL triggers_journey")
    tidy("triggers_journey")
    times, moved = Times(), 0
    with _open_transaction(), _timed(times, forgets) as look:
        begun = time.perf_counter()
        for wave in range(waves):
            first, last = steps * wave // waves, steps * (wave + 1) // waves
            run_sql("UPDATE triggers_journey SET due_at = now() WHERE id > %s AND id <= %s", [first, last])
            while shards := look():
                moved += turn(*shards).steps
        times.seconds = time.perf_counter() - begun
    if moved != steps:
        raise AssertionError(f"{moved} of {steps} journeys were moved")
    return times


@contextmanager
def _open_transaction() -> Iterator[None]:
    """Another session whose transaction needs everything kept as it is now."""
    from django.db import connection

    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT count(*) FROM triggers_shard")
        yield
    finally:
        other.close()


@contextmanager
def _timed(times: Times, forgets: bool) -> Iterator[Any]:
    """Take the time of every claim; gives the look for work, timed as well."""
    from triggers.engine import marks
    from triggers.engine import turn as engine
    from triggers.engine.claim import claim_due
    from triggers.engine.look import with_work

    def timed(*args: Any) -> Any:
        if forgets:
            marks.claimed.clear()
        begun = time.perf_counter()
        claim = claim_due(*args)
        times.claims.append((time.perf_counter() - begun) * 1000)
        return claim

    def look() -> list[int]:
        if forgets:
            marks.looked.clear()
        begun = time.perf_counter()
        shards = with_work()
        times.looks.append((time.perf_counter() - begun) * 1000)
        return shards

    marks.forget()
    with patch.object(engine, "claim_due", timed):
        yield look


def _growth(claims: list[float]) -> float:
    first, last = _ends(claims)
    return round(last / first, 3)


def _ends(values: list[float]) -> tuple[float, float]:
    """The median of the first tenth and of the last."""
    tenth = max(1, len(values) // 10)
    return round(median(values[:tenth]), 3), round(median(values[-tenth:]), 3)


def _shown(times: Times, steps: int) -> dict[str, Any]:
    return {
        "claim_ms": _ends(times.claims),
        "claims": len(times.claims),
        "look_ms": _ends(times.looks),
        "steps_per_second": round(steps / times.seconds),
    }
