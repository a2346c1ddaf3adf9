"""Events per second that two workers match against twenty live chains, with what follows from them.

Contacts look, search, fill carts and order; the chains wait for that with filters on the data, with every kind of entry
key, and end when somebody orders. What enters a chain also takes its first step, to a wait. The events come in equal
parts, so that one can see whether speed and memory stay as they are; the first part only warms up.
"""

from __future__ import annotations

from statistics import median
from typing import Any

from benchmarks.harness.database import durability, own_database, run_sql, tidy
from benchmarks.harness.resident import resident_kilobytes
from benchmarks.harness.result import Plan, Result, machine
from benchmarks.harness.workers import Crew, crew

WORKERS = 2
CHAINS = 20
PARTS = 10
QUICK_PARTS = 5
LEAST = 3_000.0
# Flat: no more than a tenth above what was held after the first part.
MOST_GROWTH = 1.1
# Of a hundred events.
MIX = {"page_view": 30, "view_item": 40, "search": 10, "add_to_cart": 12, "begin_checkout": 4, "purchase": 4}
CATEGORIES = 10
REENTRY = (
    {"re_entry": "once"},
    {"re_entry": "per_object"},
    {"re_entry": "every_days", "days": 7},
    {"re_entry": "restart"},
)


def run(plan: Plan) -> Result:
    parts = QUICK_PARTS if plan.is_quick else PARTS
    part = plan.pick(20_000, 8_000, 100)
    events, contacts = part * parts, 2 * part
    with own_database():
        from benchmarks.harness.shop import add_contacts

        conditions: dict[str, Any] = machine() | durability()
        add_chains()
        add_contacts(contacts)
        with crew(WORKERS) as workers:
            rates, memory = measure(workers, parts, part, contacts)
        entered, ended = run_sql(
            "SELECT count(*), count(*) FILTER (WHERE status = 'exited') FROM triggers_journey"
        )[0]
    figure = round(median(rates[1:]), 1)
    return Result(
        "ingest",
        figure,
        "events/s",
        conditions
        | {
            "events": events,
            "chains": CHAINS,
            "contacts": contacts,
            "workers": WORKERS,
            "entered_per_event": round(entered / events, 3),
            "ended_per_event": round(ended / events, 3),
            "parts": [round(one) for one in rates],
            "megabytes_per_worker": [round(one, 1) for one in memory],
            "growth": round(memory[-1] / memory[0], 3),
        },
        {"three_thousand": LEAST, "megabytes_after_first_part": round(memory[0], 1)},
        {
            "three_thousand": round(figure / LEAST, 3),
            "megabytes_after_first_part": round(memory[0] / memory[-1], 3),
        },
        {"three_thousand": 1.0, "megabytes_after_first_part": round(1 / MOST_GROWTH, 3)},
    )


def add_chains() -> None:
    """Four on each of five events: by product group, by sum, by every kind of entry key; all end with an order."""
    from tests.build import live_chain, make_template

    make_template()
    names = [name for name in MIX if name != "page_view"]
    for number in range(CHAINS):
        name = names[number % len(names)]
        category = {"path": "items.item_category", "op": "eq", "value": f"group {number % CATEGORIES}"}
        value = {"path": "value", "op": "gte", "value": 20 * (number % 5)}
        live_chain(
            [
                ("wait", "wait", {"amount": 3, "unit": "hours"}),
                ("letter", "send_email", {"template": "reminder"}),
            ],
            key=f"chain{number}",
            event=name,
            goals=[] if name == "purchase" else ["purchase"],
            filters=[category, value],
            **REENTRY[number % len(REENTRY)],
        )


def measure(workers: Crew, parts: int, part: int, contacts: int) -> tuple[list[float], list[float]]:
    """Events per second of every part, and the mean of the workers' megabytes after it."""
    rates, memory = [], []
    for number in range(parts):
        feed(part, contacts, seed=number)
        done = workers.run(WORKERS, match_all)
        left = run_sql("SELECT count(*) FROM triggers_pendingevent")[0][0]
        if (done.done, left) != (part, 0):
            raise AssertionError(f"{done.done} of {part} events were matched, {left} are left")
        rates.append(done.rate)
        memory.append(workers.run(WORKERS, resident_kilobytes).done / WORKERS / 1024)
    return rates, memory


def feed(count: int, contacts: int, seed: int) -> None:
    """Events as capture writes them, of contacts drawn by lot, the same in every run."""
    import random

    from django.utils import timezone

    from triggers.models import SHARDS, Event, PendingEvent

    lot, now = random.Random(seed), timezone.now()
    names = [name for name, share in MIX.items() for _time in range(share)]
    events = Event.objects.bulk_create(
        [
            Event(
                contact_id=lot.randint(1, contacts),
                name=lot.choice(names),
                occurred_at=now,
                recorded_at=now,
                object_ref=f"cart:{lot.randint(1, contacts)}",
                data=_data(lot),
            )
            for _number in range(count)
        ],
        batch_size=5_000,
    )
    PendingEvent.objects.bulk_create(
        [PendingEvent(event_id=one.pk, shard=one.contact_id % SHARDS) for one in events], batch_size=5_000
    )
    tidy("triggers_event", "triggers_pendingevent", "triggers_journey", "triggers_entryledger")


def _data(lot: Any) -> dict[str, Any]:
    price = lot.randint(5, 200)
    item = {"item_id": f"lamp-{price}", "item_name": "Table lamp", "price": price, "quantity": 1}
    return {
        "value": price,
        "currency": "EUR",
        "items": [item | {"item_category": f"group {lot.randrange(CATEGORIES)}"}],
    }


def match_all() -> int:
    """In a worker: what the engine's own loop does, until no shard has work. Returns how many events it matched."""
    from triggers.engine.turn import turn
    from triggers.workload import find_work

    matched = 0
    while shards := find_work().shards:
        matched += turn(*shards).events
    return matched
