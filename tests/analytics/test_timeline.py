"""The story of a contact is complete, in order, in pages without gaps, and cheap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

import triggers
from tests.build import live_chain, make_contact, make_template
from triggers.analytics.timeline import Cursor, Line, timeline
from triggers.models import Contact, Event
from triggers.testing import run_due

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def events(contact: Contact, moments: list[datetime]) -> None:
    Event.objects.bulk_create([Event(contact=contact, name="page_view", occurred_at=at) for at in moments])


def all_lines(contact: Contact, most: int) -> list[Line]:
    lines: list[Line] = []
    until = None
    while True:
        page = timeline(contact, until=until, most=most)
        lines += [line for chapter in page.chapters for line in chapter.lines]
        assert len(lines) < 2_000
        if page.older is None:
            return lines
        until = page.older


def test_a_journey_is_one_chapter() -> None:
    make_template()
    live_chain(
        [
            ("letter", "send_email", {"template": "reminder"}),
            ("wait_1", "wait", {"amount": 1, "unit": "days"}),
        ]
    )
    contact = make_contact(agrees=False)
    triggers.capture("add_to_cart", contact=contact, object_ref="cart:1")
    run_due()
    triggers.capture("page_view", contact=contact)
    page = timeline(contact)
    alone, journey, trigger = page.chapters
    assert alone.lines[0].event is not None
    assert alone.lines[0].event.name == "page_view"
    assert journey.journey is not None
    assert journey.started_by == trigger.lines[0].event
    assert [line.message is not None for line in journey.lines].count(True) == 1
    reasons = [line.transition.reason for line in journey.lines if line.transition]
    assert reasons[-1] == "Entered because of %(event)s"
    assert page.older is None


@pytest.mark.parametrize("most", [1, 3, 7, 50])
@pytest.mark.parametrize("step", [timedelta(seconds=1), timedelta(0)])
def test_pages_have_no_gaps_and_no_repeats(most: int, step: timedelta) -> None:
    make_template()
    live_chain([("letter", "send_email", {"template": "reminder"}), ("bye", "exit", {})])
    contact = make_contact(agrees=False)
    events(contact, [NOON + step * number for number in range(20)])
    triggers.capture("add_to_cart", contact=contact, occurred_at=NOON)
    run_due()
    lines = all_lines(contact, most)
    cursors = [str(line.cursor) for line in lines]
    assert len(cursors) == len(set(cursors)) == len(all_lines(contact, 500))
    assert sorted(cursors) == sorted(str(line.cursor) for line in all_lines(contact, 500))
    if most >= 50:
        assert [line.at for line in lines if line.event] == sorted(
            (line.at for line in lines if line.event), reverse=True
        )


def test_parts_that_are_not_asked_for_are_not_read(django_assert_num_queries: Any) -> None:
    contact = make_contact(agrees=False)
    events(contact, [timezone.now()])
    with django_assert_num_queries(0):
        assert timeline(contact, parts=()).chapters == []
    with django_assert_num_queries(1):
        assert len(timeline(contact, parts=["event"]).chapters) == 1


def test_a_long_story_costs_as_much_as_a_short_one(django_assert_max_num_queries: Any) -> None:
    make_template()
    live_chain([("letter", "send_email", {"template": "reminder"}), ("bye", "exit", {})])
    contact = make_contact()
    for _time in range(10):
        triggers.capture("add_to_cart", contact=contact)
    run_due()
    with django_assert_max_num_queries(5):
        assert len(timeline(contact).chapters) > 10


@pytest.mark.parametrize(
    "text",
    ["", "~", "a~b~c", "2026-01-01~event~1", "2026-01-01T00:00:00Z~login~1", "2026-01-01T00:00:00Z~event~-1"],
)
def test_a_cursor_is_read_or_refused(text: str) -> None:
    assert Cursor.read(text) is None
    good = Cursor(NOON, "message", 7)
    assert Cursor.read(str(good)) == good
