"""Rows of waiting journeys by the million, written by the server itself."""

from __future__ import annotations

from typing import Any

from benchmarks.harness.database import run_sql

# The contacts' events that a condition counts, and what a look at them costs, belong to a journey that asks.
CONDITION = {
    "kind": "all",
    "of": [
        {"kind": "contact_field", "field": "language", "op": "eq", "value": "en"},
        {"kind": "event_happened", "event": "view_item", "days": 7},
    ],
}
WAIT = ("wait", "wait", {"amount": 3, "unit": "hours"})
WEEK = ("week", "wait", {"amount": 7, "unit": "days"})
LETTER = ("letter", "send_email", {"template": "reminder"})
# Out of a wait, through a condition, with a letter, into the next wait.
REMINDER: list[Any] = [WAIT, ("ask", "condition", {"condition": CONDITION}, {"yes": [LETTER]}), WEEK]
# Out of a wait into the next.
TWO_WAITS: list[Any] = [WAIT, WEEK]

TABLES = ("triggers_contact", "triggers_event", "triggers_journey")


def make_chain(steps: list[Any]) -> Any:
    """A live chain of these steps that an order ends."""
    from tests.build import live_chain, make_template

    make_template()
    return live_chain(steps, goals=["purchase"])


def add_waiting(chain: Any, first: int, last: int, *, with_events: bool = True) -> None:
    """Contacts with these ids, two events each, and a journey each that waits for another hour or month."""
    ids = f"generate_series({first}, {last}) n"
    run_sql(
        f"""INSERT INTO triggers_contact (id, uid, external_id, email, email_key, phone, first_name, last_name,
            language, time_zone, attributes, created_at, updated_at)
        SELECT n, gen_random_uuid(), n, 'person' || n || '@example.com', 'person' || n || '@example.com',
            '+1202' || lpad(n::text, 7, '0'), 'Anna', 'Lind', 'en', 'Europe/Berlin', '{{}}', now(), now()
        FROM {ids}"""
    )
    if with_events:
        run_sql(
            f"""INSERT INTO triggers_event (id, uid, contact_id, name, occurred_at, recorded_at, data, object_ref)
            SELECT n::bigint * 2 + k, gen_random_uuid(), n, (ARRAY['add_to_cart', 'view_item'])[k + 1],
                now() - interval '4 hours' + k * interval '1 second', now() - interval '4 hours' + k * interval '1 second',
                '{{"value": 120.0, "currency": "EUR"}}', 'cart:' || n
            FROM {ids}, generate_series(0, 1) k"""
        )
    run_sql(
        f"""INSERT INTO triggers_journey (id, shard, chain_id, version_id, contact_id, status, active_slot, step, since,
            seq, messages_queued, due_at, entered_at, entry_event_id, object_ref, is_called_back, error)
        SELECT n, n % 64, {chain.pk}, {chain.live_version_id}, n, 'active', 1, 'wait', now() - interval '4 hours', 2, 0,
            now() + interval '1 hour' + random() * interval '30 days', now() - interval '4 hours', n * 2, 'cart:' || n, false, ''
        FROM {ids}"""
    )
