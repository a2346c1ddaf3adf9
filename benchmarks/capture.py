"""Milliseconds that capturing an event adds to a shop action, at the 95th percentile.

The action is a transaction that writes one order. It is done with and without `triggers.capture()` inside, in turn, so
that both meet the same disk; a third of them with a broker configured that nobody answers for: capture talks to no
broker, so that must make no difference.

The figure is the larger of two readings: how much the 95th percentile of the whole action grows (commit included),
and the 95th percentile of the call itself. Each percentile is taken in every one of ten stretches of the run, and the
median of the ten stands, so that one burst of somebody else's work does not decide.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks.harness.database import durability, own_database, run_sql
from benchmarks.harness.result import Plan, Result, machine, percentile

MOST_MILLISECONDS = 2.0
STRETCHES = 10
# A savepoint, two inserts, the savepoint's release.
STATEMENTS = 4
# Nothing listens here: port 9 is "discard".
DEAD_BROKER = "amqp://guest:guest@127.0.0.1:9//"
# One restaurant-sized order, as a shop would describe it.
DATA = {
    "value": 129.8,
    "currency": "EUR",
    "items": [
        {"item_id": f"lamp-{n}", "item_name": "Table lamp", "price": 64.9, "quantity": 1} for n in range(2)
    ],
}


def run(plan: Plan) -> Result:
    actions = plan.pick(3_000, 1_000, 100)
    with own_database():
        from triggers.models import Contact

        run_sql(
            """CREATE TABLE bench_order (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, contact_id bigint NOT NULL,
                status text NOT NULL, total numeric NOT NULL, placed_at timestamptz NOT NULL DEFAULT now())"""
        )
        contacts = [Contact(email=f"p{n}@example.com", email_key=f"p{n}@example.com") for n in range(100)]
        Contact.objects.bulk_create(contacts)
        statements = _statements(contacts[0])
        _measure(contacts, actions // 10)
        times = _measure(contacts, actions)
        captured = run_sql("SELECT count(*) FROM triggers_pendingevent")[0][0]
        conditions = machine() | durability()
    if captured != 2 * (actions + actions // 10) + 1:
        raise AssertionError(f"{captured} events were recorded")
    added = {
        name: _added(times["plain"], values)
        for name, values in times.items()
        if name not in ("plain", "calls")
    }
    calls = {"p50": _milliseconds(times["calls"], 50), "p95": _milliseconds(times["calls"], 95)}
    figure = max(added["captured"]["p95"], calls["p95"])
    with_dead_broker = max(added["broker_down"]["p95"], calls["p95"])
    floors = {"two_milliseconds": MOST_MILLISECONDS, "savepoint_and_two_inserts": float(STATEMENTS)}
    return Result(
        "capture",
        figure,
        "ms",
        conditions
        | {
            "actions": actions,
            "workers": 1,
            "statements_added": statements,
            "action_alone": {
                "p50": _milliseconds(times["plain"], 50),
                "p95": _milliseconds(times["plain"], 95),
            },
            "added_to_the_action": added,
            "call_itself": calls,
            "with_broker_down": with_dead_broker,
        },
        floors,
        {
            "two_milliseconds": round(MOST_MILLISECONDS / max(figure, with_dead_broker), 3),
            "savepoint_and_two_inserts": STATEMENTS / statements,
        },
        {"two_milliseconds": 1.0, "savepoint_and_two_inserts": 1.0},
    )


def _measure(contacts: list[Any], actions: int) -> dict[str, list[float]]:
    """Seconds of every action of each way, the ways taken in turn; under `calls` the seconds of each capture alone."""
    calls: list[float] = []

    def captured(contact: Any) -> None:
        import triggers

        begun = time.perf_counter()
        event = triggers.capture("purchase", contact=contact, data=DATA, object_ref="order:1")
        calls.append(time.perf_counter() - begun)
        if event is None:
            raise AssertionError("the event was not captured")

    ways: dict[str, Callable[[Any], None]] = {
        "plain": lambda contact: None,
        "captured": captured,
        "broker_down": _with_broker(DEAD_BROKER, captured),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(actions):
        for name, way in ways.items():
            times[name].append(_order(contacts[number % len(contacts)], way))
    return times | {"calls": calls}


def _order(contact: Any, way: Callable[[Any], None]) -> float:
    """Seconds of one shop action."""
    from django.db import transaction

    begun = time.perf_counter()
    with transaction.atomic():
        run_sql(
            "INSERT INTO bench_order (contact_id, status, total) VALUES (%s, %s, %s)",
            [contact.pk, "new", "129.80"],
        )
        way(contact)
    return time.perf_counter() - begun


def _with_broker(url: str, way: Callable[[Any], None]) -> Callable[[Any], None]:
    """The same with Celery pointed at a broker, as a shop's process would be."""
    from celery import current_app

    def action(contact: Any) -> None:
        current_app.conf.broker_url = os.environ["CELERY_BROKER_URL"] = url
        way(contact)

    return action


def _statements(contact: Any) -> int:
    from django.db import connection, transaction
    from django.test.utils import CaptureQueriesContext

    import triggers

    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        triggers.capture("purchase", contact=contact, data=DATA)
    return sum(query["sql"] not in ("BEGIN", "COMMIT") for query in queries)


def _added(plain: list[float], other: list[float]) -> dict[str, float]:
    return {f"p{n}": round(_milliseconds(other, n) - _milliseconds(plain, n), 3) for n in (50, 95)}


def _milliseconds(seconds: list[float], percent: float) -> float:
    """The percentile of a usual stretch."""
    length = len(seconds) // STRETCHES
    stretches = [seconds[start : start + length] for start in range(0, length * STRETCHES, length)]
    return round(median(percentile(one, percent) for one in stretches) * 1000, 3)
