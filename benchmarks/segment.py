"""Seconds to count a segment with three questions about behaviour, among a million contacts with ten million events.

A shop of two years: contacts view, fill carts and order, the more recent the more often. Counted through the same query
that the admin's live count and the look at who comes and goes use.
"""

from __future__ import annotations

import time
from statistics import median
from typing import Any

from benchmarks.harness.database import durability, own_database, run_sql, tidy
from benchmarks.harness.result import Plan, Result, machine

MOST_SECONDS = 2.0
EVENTS_A_CONTACT = 10
REPEATS = 5
# Of a hundred events.
MIX = {"view_item": 60, "page_view": 25, "add_to_cart": 10, "purchase": 5}
CATEGORIES = 20

LAST_YEAR: dict[str, Any] = {"kind": "days", "days": 365}
BOUGHT_OFTEN = {
    "kind": "event_totals",
    "event": "purchase",
    "at_least": 2,
    "sum_of": "value",
    "sum_at_least": 300,
    "period": LAST_YEAR,
}
LOOKS_AROUND = {
    "kind": "event_totals",
    "event": "view_item",
    "at_least": 2,
    "period": {"kind": "days", "days": 90},
}
NO_CART = {
    "kind": "none",
    "of": [{"kind": "event_totals", "event": "add_to_cart", "period": {"kind": "days", "days": 30}}],
}
THREE = {"kind": "all", "of": [BOUGHT_OFTEN, LOOKS_AROUND, NO_CART]}
# What else is measured beside the figure; there is no aim for it.
OTHERS: dict[str, dict[str, Any]] = {
    "bought_from_category_in_a_month": {
        "kind": "event_totals",
        "event": "purchase",
        "filters": [{"path": "items.item_category", "op": "eq", "value": "category 7"}],
        "period": {"kind": "month", "month": 8, "years_ago": 1},
    },
    "viewed_never_bought": {
        "kind": "did_not_follow",
        "event": "view_item",
        "never": "purchase",
        "period": {"kind": "days", "days": 30},
    },
    "any_of_the_three": {"kind": "any", "of": [BOUGHT_OFTEN, LOOKS_AROUND, NO_CART]},
    "by_attribute": {"kind": "contact_field", "field": "attributes.size", "op": "eq", "value": "XL"},
}


def run(plan: Plan) -> Result:
    contacts = plan.pick(1_000_000, 50_000, 1_000)
    with own_database():
        conditions: dict[str, Any] = machine() | durability()
        fill(contacts)
        tidy("triggers_contact", "triggers_event")
        runs, members = measure(THREE, plan.repeats(REPEATS))
        others = {name: measure(rule, 1)[0][0] for name, rule in OTHERS.items()}
    figure = round(median(runs), 3)
    return Result(
        "segment",
        figure,
        "s",
        conditions
        | {
            "contacts": contacts,
            "events": contacts * EVENTS_A_CONTACT,
            "members": members,
            "runs": [round(one, 3) for one in runs],
            "seconds_for_others": {name: round(seconds, 3) for name, seconds in others.items()},
        },
        {"two_seconds": MOST_SECONDS},
        {"two_seconds": round(MOST_SECONDS / figure, 3)},
        {"two_seconds": 1.0},
    )


def measure(rule: dict[str, Any], times: int) -> tuple[list[float], int]:
    """Seconds of each run and how many contacts fit; a first run that warms up is not among them."""
    from triggers.engine.audience import contacts_in
    from triggers.engine.audience.count import count_and_sample

    seconds, count = [], 0
    for _run in range(times + 1):
        start = time.perf_counter()
        count, _sample = count_and_sample(contacts_in(rule), 0, MOST_SECONDS * 30)
        seconds.append(time.perf_counter() - start)
    return seconds[1:], count


def fill(contacts: int) -> None:
    """Contacts and their events, written by the server itself in the order in which such rows are written: by time."""
    from triggers.engine.partitions import make_partitions
    from triggers.engine.shards import read_clock

    make_partitions(read_clock())
    run_sql(
        f"""INSERT INTO triggers_contact (id, uid, email, email_key, first_name, last_name, language, time_zone,
            attributes, created_at, updated_at)
        SELECT n, gen_random_uuid(), 'person' || n || '@example.com', 'person' || n || '@example.com', 'Anna', 'Lind',
            (ARRAY['ru', 'en', 'de'])[n % 3 + 1], 'Europe/Berlin',
            jsonb_build_object('size', (ARRAY['S', 'M', 'L', 'XL'])[n % 4 + 1]), now(), now()
        FROM generate_series(1, {contacts}) n"""
    )
    names = [name for name, share in MIX.items() for _one in range(share)]
    run_sql(
        f"""INSERT INTO triggers_event (uid, contact_id, name, occurred_at, recorded_at, data, object_ref)
        SELECT gen_random_uuid(), 1 + floor({contacts} * random() ^ 1.3)::int, (%s::text[])[1 + floor(random() * 100)::int], at, at,
            jsonb_build_object('value', 20 + n %% 400, 'currency', 'EUR', 'items', jsonb_build_array(jsonb_build_object(
                'item_id', 'L-' || n %% 5000, 'item_name', 'Lamp', 'price', 20 + n %% 400, 'quantity', 1,
                'item_category', 'category ' || n %% {CATEGORIES}))), ''
        FROM (SELECT n, now() - interval '730 days' * (1 - n / {contacts * EVENTS_A_CONTACT}.0) AS at
            FROM generate_series(1, {contacts * EVENTS_A_CONTACT}) n) moments""",
        [names],
    )
