"""Journeys moved per second by real turns of two workers, a few due among many that wait.

A journey that is moved leaves its wait, is asked a condition (a field of the contact, a count of events, and whether
the goal was reached), has a letter queued and stands at the next wait: one journey, one message and three transitions
are written. The rivals move the same journeys in the same run on the same tables:

`one_statement`: no program at all, one SQL statement per batch that claims, updates and inserts the same rows without
reading a single fact. `one_contact_at_a_time`: our own turn with batches of one. `orm_loop`: this one chain written out
with Django's ORM, eight queries and a commit for each journey.
"""

from __future__ import annotations

from collections import defaultdict
from statistics import median
from typing import Any

from benchmarks.harness.database import durability, own_database, run_sql, tidy
from benchmarks.harness.journeys import REMINDER, TABLES, add_waiting, make_chain
from benchmarks.harness.result import Plan, Result, machine
from benchmarks.harness.workers import Crew, Run, Task, crew
from benchmarks.rivals.orm_loop import move_by_orm

WORKERS = 2
REPEATS = 3
# Rows of one transaction: the setting's default.
BATCH = 500
# One contact at a time moves so much less that this part of a wave is enough to measure it.
SINGLE_PART = 20
ONE_BY_ONE = ("single", "orm_loop")
# Ways and workers of each round.
RUNS = [("turn", 2), ("statement", 2), ("turn", 1), ("statement", 1), ("single", 2), ("orm_loop", 2)]
# A wave for each run of each round, the one that warms up among them; one more.
WAVES = len(RUNS) * (REPEATS + 1) + 1
AIMS = {"one_statement": 0.40, "one_contact_at_a_time": 50.0}


def run(plan: Plan) -> Result:
    waiting = plan.pick(1_000_000, 50_000, 2_000)
    due = min(plan.pick(10_000, 2_000, 100), waiting // WAVES)
    conditions: dict[str, Any] = machine()
    with own_database():
        conditions |= durability()
        fill(waiting, due)
        with crew(WORKERS) as workers:
            conditions |= measure(workers, due, plan.repeats(REPEATS))
    rates = conditions.pop("medians")
    figure = rates["turn", WORKERS]
    rivals = {
        "one_statement": rates["statement", WORKERS],
        "one_contact_at_a_time": rates["single", WORKERS],
        "orm_loop": rates["orm_loop", WORKERS],
    }
    conditions |= {
        "workers": WORKERS,
        "waiting": waiting,
        "due": due,
        "one_worker": {"turn": rates["turn", 1], "one_statement": rates["statement", 1]},
        "one_worker_ratio": round(rates["turn", 1] / rates["statement", 1], 3),
    }
    ratios = {name: round(figure / rate, 3) for name, rate in rivals.items()}
    return Result("turn", figure, "journeys/s", conditions, rivals, ratios, AIMS)


def fill(waiting: int, due: int) -> None:
    """Journeys that wait, waves of `due` of them drawn by lot."""
    add_waiting(make_chain(REMINDER), 1, waiting)
    run_sql(
        f"""CREATE TABLE bench_wave AS
        SELECT id, (row_number() OVER (ORDER BY md5(id::text)) - 1) / {due} AS wave FROM triggers_journey
        ORDER BY 2 LIMIT {due * WAVES}"""
    )
    run_sql("CREATE INDEX ON bench_wave (wave)")
    tidy(*TABLES, "bench_wave")


def measure(workers: Crew, due: int, repeats: int) -> dict[str, Any]:
    """Every way in turn, several times over, each run on a wave of its own; the first round only warms up."""
    waves = Waves(due)
    rates: dict[tuple[str, int], list[float]] = defaultdict(list)
    written: dict[str, int] = {}
    # A first turn moves what the statement is then made from.
    waves.move(workers, WORKERS, take_turns)
    ways: dict[str, tuple[Task, tuple[Any, ...]]] = {
        "turn": (take_turns, ()),
        "statement": (move_by_statement, the_statement()),
        "single": (take_turns, (1,)),
        "orm_loop": (move_by_orm, the_constants()),
    }
    for repeat in range(repeats + 1):
        for way, count in RUNS:
            part = max(50, due // SINGLE_PART) if way in ONE_BY_ONE else due
            task, args = ways[way]
            rate = waves.move(workers, count, task, *args, due=part).rate
            written[way] = bytes_written() * due // part
            if repeat:
                rates[way, count].append(rate)
    if max(written.values()) / min(written.values()) > 1.01:
        raise AssertionError(f"the rivals did not write the same: {written}")
    return {
        "batch": BATCH,
        "repeats": repeats,
        "medians": {key: round(median(values), 1) for key, values in rates.items()},
        "runs": {f"{way}_{count}": [round(one) for one in values] for (way, count), values in rates.items()},
        "bytes_written_per_journey": round(written["turn"] / due),
    }


class Waves:
    """The journeys that fall due for one run, and whether all of them were moved, and only they."""

    def __init__(self, due: int) -> None:
        self.due, self.next = due, 0

    def move(self, workers: Crew, count: int, task: Task, *args: Any, due: int = 0) -> Run:
        """Make a wave due, tidy up, and let `count` workers do the task."""
        due = due or self.due
        run_sql("TRUNCATE triggers_message, triggers_transition")
        # For now and not for earlier, as the engine does it: workers remember how far they have seen what is due.
        run_sql(
            """UPDATE triggers_journey SET due_at = now()
            WHERE id IN (SELECT id FROM bench_wave WHERE wave = %s LIMIT %s)""",
            [self.next, due],
        )
        self.next += 1
        tidy("triggers_journey", "triggers_message", "triggers_transition")
        done = workers.run(count, task, *args)
        found = run_sql(
            """SELECT (SELECT count(*) FROM triggers_journey WHERE due_at <= now()),
                (SELECT count(*) FROM triggers_message WHERE state = 'queued'),
                (SELECT count(*) FROM triggers_transition)"""
        )[0]
        if (done.done, found) != (due, (0, due, 3 * due)):
            raise AssertionError(
                f"{done.done} of {due} journeys were moved; left due, messages, transitions: {found}"
            )
        return done


def take_turns(batch: int = BATCH) -> int:
    """In a worker: what the engine's own loop does, until no shard has work. Returns how many journeys it moved."""
    from django.conf import settings

    from triggers.engine.turn import turn
    from triggers.workload import find_work

    # Set in place: overridden settings, as tests have them, are slower to read than a worker's own.
    settings.TRIGGERS["TURN_BATCH"] = batch
    moved = 0
    while shards := find_work().shards:
        moved += turn(*shards).steps
    return moved


def move_by_statement(statement: str, values: list[Any]) -> int:
    """In a worker: the statement, batch after batch, each a transaction. Returns how many journeys it moved."""
    from django.db import connection

    moved = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute(statement, values)
            if not cursor.rowcount:
                return moved
            moved += cursor.rowcount // 3


def the_statement() -> tuple[str, list[Any]]:
    """One statement that writes what a turn wrote: its constants are taken from a journey that a turn has just moved."""
    ((journey_id,),) = run_sql("SELECT journey_id FROM triggers_message LIMIT 1")
    moves = run_sql(
        "SELECT step, branch, reason, data::text FROM triggers_transition WHERE journey_id = %s ORDER BY seq",
        [journey_id],
    )
    (message,) = run_sql(
        """SELECT step, template_key, channel, message_class, lane, topic_id, address, state, reason, reason_data::text,
            expires_at - send_after, attempt, provider_id
        FROM triggers_message WHERE journey_id = %s""",
        [journey_id],
    )
    statement = f"""
    WITH due AS MATERIALIZED (
        SELECT id FROM triggers_journey WHERE shard = ANY(%s) AND due_at <= now() LIMIT {BATCH} FOR UPDATE SKIP LOCKED
    ), moved AS (
        UPDATE triggers_journey j SET seq = j.seq + 3, version_id = j.version_id, status = 'active', active_slot = 1,
            step = 'week', since = now(), messages_queued = 1, due_at = now() + interval '7 days', resume_due_at = NULL, ended_at = NULL
        FROM due WHERE j.id = due.id RETURNING j.id, j.seq, j.chain_id, j.contact_id
    ), queued AS (
        INSERT INTO triggers_message (uid, journey_id, seq, chain_id, contact_id, step, template_key, channel, message_class, lane,
            topic_id, address, state, reason, reason_data, created_at, send_after, expires_at, attempt, provider_id)
        SELECT gen_random_uuid(), id, seq - 1, chain_id, contact_id, %s, %s, %s, %s, %s, %s::bigint, %s, %s, %s, %s::jsonb, now(), now(),
            now() + %s, %s, %s
        FROM moved
    )
    INSERT INTO triggers_transition (journey_id, seq, at, step, branch, reason, data)
    SELECT moved.id, moved.seq - 3 + m.n, now(), m.step, m.branch, m.reason, m.data
    FROM moved, (VALUES (1, %s, %s, %s, %s::jsonb), (2, %s, %s, %s, %s::jsonb), (3, %s, %s, %s, %s::jsonb))
        AS m(n, step, branch, reason, data)"""
    return statement, [list(range(64)), *message, *(value for move in moves for value in move)]


def the_constants() -> tuple[list[Any], dict[str, Any]]:
    """What is the same in every journey that a turn moved: its three transitions, and columns of its letter."""
    ((journey_id, step, template_key, lane),) = run_sql(
        "SELECT journey_id, step, template_key, lane FROM triggers_message LIMIT 1"
    )
    moves = run_sql(
        "SELECT step, branch, reason, data::text FROM triggers_transition WHERE journey_id = %s ORDER BY seq",
        [journey_id],
    )
    return [list(move) for move in moves], {"step": step, "template_key": template_key, "lane": lane}


def bytes_written() -> int:
    """Size of the new rows without their headers."""
    return int(
        run_sql(
            """SELECT (SELECT sum(pg_column_size(m.*)) FROM triggers_message m)
                + (SELECT sum(pg_column_size(t.*)) FROM triggers_transition t)"""
        )[0][0]
    )
