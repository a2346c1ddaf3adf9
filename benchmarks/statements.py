"""SQL statements of one turn, whatever the number of journeys it moves, with quiet hours and a cap to keep to.

Counted for 1, 50 and 500 due journeys of one shard, in one transaction: lock, reads, facts, writes, savepoint. The
floor is the count for one journey: a statement more for each journey would put it out of reach.
"""

from __future__ import annotations

from benchmarks.harness.database import durability, own_database, run_sql
from benchmarks.harness.result import Plan, Result, machine

SIZES = (1, 50, 500)
SHARD = 5


def run(plan: Plan) -> Result:
    with own_database():
        from benchmarks.turn import fill
        from tests.build import make_rule

        fill(sum(SIZES) + 1, 1)
        make_rule((3, 168), quiet="22:00-08:00")
        run_sql("UPDATE triggers_journey SET shard = %s", [SHARD])
        counts = {size: _count(size) for size in (1, *SIZES)}
        conditions = machine() | durability()
    figure = float(max(counts.values()))
    least = float(min(counts.values()))
    return Result(
        "statements",
        figure,
        "statements/turn",
        conditions | {"by_journeys": counts, "per_journey_of_500": figure / SIZES[-1], "workers": 1},
        {"one_journey": least},
        {"one_journey": least / figure},
        {"one_journey": 1.0},
    )


def _count(size: int) -> int:
    """Statements of a turn over `size` due journeys. BEGIN and COMMIT are the connection's, not counted."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from triggers.engine.turn import turn

    run_sql(
        """UPDATE triggers_journey SET due_at = now() WHERE id IN
            (SELECT id FROM triggers_journey WHERE step = 'wait' ORDER BY id LIMIT %s)""",
        [size],
    )
    with CaptureQueriesContext(connection) as queries:
        # No time at all: the turn ends with its first transaction, although a full batch might have left something.
        result = turn(SHARD, seconds=0)
    if result.steps != size:
        raise AssertionError(f"{result.steps} of {size} journeys were moved")
    return sum(query["sql"] not in ("BEGIN", "COMMIT") for query in queries)
