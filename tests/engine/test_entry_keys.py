"""All five ways in which a contact may enter a chain again."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

import triggers
from tests.build import Tree, live_chain, make_contact, make_template
from triggers.models import Journey
from triggers.testing import database_clock, run_due

pytestmark = pytest.mark.django_db

AT_ONCE: Tree = [("bye", "exit", {})]
WAITS: Tree = [("wait", "wait", {"amount": 3, "unit": "hours"}), ("bye", "exit", {})]


def enter(ref: str, after: timedelta = timedelta()) -> None:
    with database_clock(timezone.now() + after):
        triggers.capture("add_to_cart", contact="a@example.com", object_ref=ref)
        run_due()


@pytest.mark.parametrize(
    ("re_entry", "days", "story", "expected"),
    [
        ("once", 0, [("cart:1", 0), ("cart:2", 1), ("cart:1", 400)], 1),
        ("per_object", 0, [("cart:1", 0), ("cart:1", 1), ("cart:2", 2)], 2),
        ("every_time", 0, [("cart:1", 0), ("cart:1", 1), ("cart:1", 2)], 3),
        ("every_days", 7, [("cart:1", 0), ("cart:2", 6), ("cart:3", 8), ("cart:4", 9)], 2),
        ("restart", 0, [("cart:1", 0), ("cart:1", 1)], 2),
        ("restart", 3, [("cart:1", 0), ("cart:1", 1), ("cart:1", 4)], 2),
    ],
)
def test_entries(re_entry: str, days: int, story: list[tuple[str, int]], expected: int) -> None:
    live_chain(AT_ONCE, re_entry=re_entry, days=days)
    for ref, day in story:
        enter(ref, timedelta(days=day, seconds=1))
    assert Journey.objects.count() == expected


@pytest.mark.parametrize("other", ["cart:A", "cart:a ", "cart:ä"])
def test_keys_are_compared_letter_by_letter(other: str) -> None:
    """MariaDB took them for the same cart, and the second event was set aside."""
    live_chain(AT_ONCE, re_entry="per_object")
    enter("cart:a")
    enter(other)
    assert Journey.objects.count() == 2


@pytest.mark.parametrize("re_entry", ["every_time", "restart", "per_object"])
def test_nobody_is_twice_inside_a_chain(re_entry: str) -> None:
    live_chain(WAITS, re_entry=re_entry)
    enter("cart:1")
    enter("cart:2")
    assert Journey.objects.count() == 1


def test_a_cart_that_changes_again_waits_again() -> None:
    live_chain(WAITS, re_entry="restart")
    enter("cart:1", timedelta(seconds=1))
    before = Journey.objects.get()
    enter("cart:1", timedelta(hours=2))
    after = Journey.objects.get()
    assert before.due_at
    assert after.due_at
    assert after.pk == before.pk
    assert after.due_at - before.due_at >= timedelta(hours=1, minutes=59)
    assert [one.reason for one in after.transitions.all()].count("Started again because of %(event)s") == 1


def test_what_has_been_sent_is_not_sent_again_by_a_restart() -> None:
    make_template()
    make_contact(email="a@example.com")
    steps = [("letter", "send_email", {"template": "reminder"}), *WAITS]
    live_chain(steps, re_entry="restart")
    enter("cart:1", timedelta(seconds=1))
    enter("cart:1", timedelta(hours=1))
    journey = Journey.objects.get()
    assert journey.messages.count() == 1


def test_no_edit_of_the_chain_lets_a_contact_in_again() -> None:
    """mautic#6054: deleting a step mailed everybody again who had finished."""
    from triggers.engine.publish import publish

    chain = live_chain(WAITS, re_entry="once")
    enter("cart:1", timedelta(seconds=1))
    enter("", timedelta(hours=4))
    chain.steps.filter(key="wait").delete()
    publish(chain)
    enter("cart:1", timedelta(hours=5))
    assert Journey.objects.count() == 1
    assert Journey.objects.get().status == "exited"
