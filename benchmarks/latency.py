"""Seconds from the commit of a shop action to its letter at the provider, 95th percentile, on an idle system.

The action is a transaction that writes an order and captures `purchase`; a chain answers at once with a transactional
letter. The engine is two processes of `manage.py triggers_run`, which look for work every second; the provider is a mail
server on loopback, and the moment is when it has the whole letter. Both moments are read from the machine's one
monotonic clock. The same is measured under load: orders come at half the rate at which the system was just seen to send.
"""

from __future__ import annotations

import random
import time
from typing import Any

from benchmarks.harness.database import durability, own_database, run_sql
from benchmarks.harness.engine import engine
from benchmarks.harness.result import Plan, Result, machine, percentile
from benchmarks.harness.sink import Sink, sink

PROCESSES = 2
MOST_IDLE, MOST_LOADED = 2.0, 5.0
# Seconds between two orders on an idle system, by lot, so that they meet every moment of the tick.
PAUSES = (0.1, 0.9)
SHARE_OF_CAPACITY = 0.5
PATIENCE_SECONDS = 60.0
# More than half of what two processes can send; each customer orders once, and they are made before.
MOST_PER_SECOND = 1_000
DATA = {"value": 129.8, "currency": "EUR", "items": [{"item_id": "lamp-1", "item_name": "Table lamp"}]}


def run(plan: Plan) -> Result:
    # Fewer in the burst would fit into a few claims, whose letters leave together: no rate could be told from them.
    idle, burst = plan.pick(150, 25, 5), plan.pick(1_500, 400, 200)
    seconds = plan.pick(60, 10, 2)
    most = MOST_PER_SECOND * seconds
    conditions: dict[str, Any] = machine()
    with own_database(), sink() as where:
        conditions |= durability()
        shop = Shop(where, 1 + idle + burst + most)
        with engine(PROCESSES, where.smtp_port):
            shop.wait_until_open()
            idle_seconds = shop.trade(idle, lambda lot: lot.uniform(*PAUSES))
            capacity = shop.capacity(burst)
            rate = capacity * SHARE_OF_CAPACITY
            begun = time.monotonic()
            orders = min(max(5, round(rate * seconds)), most)
            loaded_seconds = shop.trade(orders, lambda lot: lot.expovariate(rate))
            took = time.monotonic() - begun
    figure, loaded = percentile(idle_seconds, 95), percentile(loaded_seconds, 95)
    return Result(
        "latency",
        round(figure, 3),
        "s",
        conditions
        | {
            "engine": f"{PROCESSES} processes of triggers_run",
            "idle": _shown(idle_seconds),
            "loaded": _shown(loaded_seconds),
            "capacity_letters_per_second": round(capacity, 1),
            "load_letters_per_second": round(len(loaded_seconds) / took, 1),
        },
        {"two_seconds": MOST_IDLE, "five_seconds_at_half_of_capacity": MOST_LOADED},
        {
            "two_seconds": round(MOST_IDLE / figure, 3),
            "five_seconds_at_half_of_capacity": round(MOST_LOADED / loaded, 3),
        },
        {"two_seconds": 1.0, "five_seconds_at_half_of_capacity": 1.0},
    )


class Shop:
    """Customers who each order once."""

    def __init__(self, where: Sink, customers: int) -> None:
        from benchmarks.harness.shop import TEMPLATE, add_contacts, add_template
        from tests.build import live_chain

        self.sink, self.next, self.lot = where, 1, random.Random(1)
        run_sql(
            """CREATE TABLE bench_order (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, contact_id bigint NOT NULL,
                total numeric NOT NULL, placed_at timestamptz NOT NULL DEFAULT now())"""
        )
        add_template(message_class="transactional")
        live_chain(
            [("thanks", "send_email", {"template": TEMPLATE})], event="purchase", re_entry="per_object"
        )
        add_contacts(customers)

    def wait_until_open(self) -> None:
        """One order that does not count: the engine's processes have started when its letter comes."""
        self.trade(1, lambda lot: 0.0)

    def trade(self, orders: int, pause: Any) -> list[float]:
        """Seconds that each order's letter took. `pause` gives the seconds between the beginnings of two orders; when
        an order takes longer than that, those behind it come late."""
        committed: dict[str, float] = {}
        at = time.monotonic()
        for _order in range(orders):
            committed |= self._order()
            at += pause(self.lot)
            time.sleep(max(0.0, at - time.monotonic()))
        taken = self._letters(orders)
        return [taken[recipient] - moment for recipient, moment in committed.items()]

    def capacity(self, orders: int) -> float:
        """Letters per second when all orders come at once: from the tenth part of them to the last."""
        from django.db import transaction

        with transaction.atomic():
            for _order in range(orders):
                self._order()
        moments = sorted(self._letters(orders).values())
        first = orders // 10
        return (orders - 1 - first) / (moments[-1] - moments[first])

    def _order(self) -> dict[str, float]:
        """One order: its customer's address and the moment of the commit."""
        from django.db import transaction

        import triggers
        from benchmarks.harness.shop import address
        from triggers.models import Contact

        number = self.next
        self.next += 1
        contact = Contact(pk=number)
        with transaction.atomic():
            run_sql("INSERT INTO bench_order (contact_id, total) VALUES (%s, 129.80)", [number])
            if not triggers.capture("purchase", contact=contact, data=DATA, object_ref=f"order:{number}"):
                raise AssertionError("the order was not captured")
        return {address(number): time.monotonic()}

    def _letters(self, expected: int) -> dict[str, float]:
        """Wait for that many letters; the moment of each by recipient."""
        found: dict[str, float] = {}
        ends = time.monotonic() + PATIENCE_SECONDS
        while len(found) < expected:
            if time.monotonic() > ends:
                raise AssertionError(f"{len(found)} of {expected} letters came")
            time.sleep(0.05)
            found |= {one.recipient: one.at for one in self.sink.take()}
        return found


def _shown(seconds: list[float]) -> dict[str, float]:
    shown = {f"p{percent}": round(percentile(seconds, percent), 3) for percent in (50, 95, 99)}
    return {"letters": len(seconds), **shown, "most": round(max(seconds), 3)}
