"""Slices of a fan-out: an even flow, nothing twice, nobody in the way of the others."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.build import live_chain, make_contact
from tests.pure import utc
from triggers.control import pause_everything, resume_everything
from triggers.engine.erase import erase_contact
from triggers.engine.fan_out import fan_out, has_fanouts
from triggers.engine.merge import merge_contacts
from triggers.engine.plan import plan_fanouts
from triggers.engine.publish import publish
from triggers.models import SHARDS, Chain, Contact, Event, Fanout, Journey, PendingEvent
from triggers.testing import database_clock, run_due

pytestmark = pytest.mark.django_db

WAIT = [("wait", "wait", {"amount": 1, "unit": "hours"})]
TEN = utc("2026-06-01 10:00")


@pytest.fixture
def chain(settings: Any) -> Chain:
    settings.TRIGGERS = {**settings.TRIGGERS, "TURN_BATCH": 5, "FANOUT_RATE": 1e9}
    with database_clock(TEN - timedelta(hours=1)):
        return live_chain(WAIT, entry_kind="schedule", entry_config={"every": "day", "at": "10:00"})


def people(count: int, **fields: Any) -> None:
    Contact.objects.bulk_create([Contact(**fields) for _number in range(count)])


def plan(at: Any = TEN) -> Fanout:
    with database_clock(at):
        plan_fanouts()
    return Fanout.objects.get()


def test_slices_are_spread_by_the_rate(chain: Chain, settings: Any) -> None:
    settings.TRIGGERS = {**settings.TRIGGERS, "FANOUT_RATE": 0.5}
    people(12)
    plan()
    written = []
    for second in (0, 9, 10, 20, 30, 60):
        with database_clock(TEN + timedelta(seconds=second)):
            written.append(fan_out())
    assert written == [5, 0, 5, 2, 0, 0]
    fanout = Fanout.objects.get()
    assert (fanout.state, fanout.entered) == ("done", 12)


def test_events_look_as_captured_ones_do(chain: Chain) -> None:
    contact = make_contact()
    fanout = plan()
    with database_clock(TEN + timedelta(minutes=3)):
        assert fan_out() == 1
    event = Event.objects.get(name="schedule_due")
    assert (event.contact_id, event.object_ref, event.depth) == (contact.pk, "2026-06-01T10:00", 0)
    assert (event.occurred_at, event.recorded_at) == (TEN, TEN + timedelta(minutes=3))
    assert event.data == {"trigger": fanout.trigger, "slot": "2026-06-01T10:00"}
    assert event.uid.version == 4
    assert PendingEvent.objects.get(event=event).shard == contact.pk % SHARDS


def test_the_same_number_of_statements_for_1_and_500(chain: Chain, settings: Any) -> None:
    settings.TRIGGERS = {**settings.TRIGGERS, "TURN_BATCH": 501}
    counts = []
    for day, count in enumerate((1, 50, 500)):
        Contact.objects.all().delete()
        people(count)
        at = TEN + timedelta(days=day)
        with database_clock(at):
            plan_fanouts()
            with CaptureQueriesContext(connection) as queries:
                assert fan_out(seconds=0) == count
        counts.append(len(queries))
    assert counts[0] == counts[1] == counts[2]


def test_it_is_late_but_not_too_late(chain: Chain) -> None:
    """Down for three hours: everybody enters once, and their journeys count from ten."""
    people(3)
    with database_clock(TEN + timedelta(hours=3)):
        run_due()
    # The wait of an hour was over at eleven.
    assert Journey.objects.filter(status="finished").count() == 3


def test_too_late_is_left_out_and_said(chain: Chain, caplog: pytest.LogCaptureFixture) -> None:
    people(3)
    with database_clock(TEN - timedelta(minutes=5)):
        plan_fanouts()
    with caplog.at_level(logging.WARNING, "triggers"), database_clock(TEN + timedelta(hours=7)):
        run_due()
    assert not Event.objects.filter(name="schedule_due").exists()
    assert Fanout.objects.get().state == "skipped"
    assert "fanout.too_late" in caplog.text


def test_what_stood_still_in_the_middle_is_left_out_too(chain: Chain) -> None:
    people(7)
    plan()
    with database_clock(TEN):
        assert fan_out(seconds=0) == 5
    with database_clock(TEN + timedelta(hours=7)):
        assert fan_out() == 0
    fanout = Fanout.objects.get()
    assert (fanout.state, fanout.entered) == ("skipped", 5)


def test_a_pause_of_everything_holds_it(chain: Chain) -> None:
    people(3)
    plan()
    pause_everything()
    with database_clock(TEN):
        assert not has_fanouts()
        assert fan_out() == 0
        resume_everything()
        assert has_fanouts()
        assert fan_out() == 3


def test_one_that_fails_stands_alone(chain: Chain, caplog: pytest.LogCaptureFixture) -> None:
    people(3)
    plan()
    broken = Fanout.objects.create(
        kind="gone", trigger="x", slot="1", zone="*", due_at=TEN, next_at=TEN - timedelta(seconds=1)
    )
    with database_clock(TEN):
        assert fan_out() == 3
    broken.refresh_from_db()
    assert (broken.state, "gone" in broken.error) == ("failed", True)
    assert "fanout.failed" in caplog.text


def test_an_event_of_another_trigger_lets_nobody_in(chain: Chain) -> None:
    """The chain's time is changed while its contacts are being let in: the rest waits for the new time."""
    people(7)
    plan()
    with database_clock(TEN):
        fan_out(seconds=0)
    chain.entry_config = {"every": "day", "at": "12:00"}
    chain.save()
    with database_clock(TEN + timedelta(minutes=1)):
        publish(chain)
        run_due()
    assert not Journey.objects.exists()
    with database_clock(TEN + timedelta(hours=2)):
        for _slice in range(3):
            run_due()
    assert Journey.objects.count() == 7


def test_another_audience_lets_nobody_in_twice(chain: Chain) -> None:
    people(2)
    with database_clock(TEN):
        run_due()
    Journey.objects.update(status="finished", active_slot=None, due_at=None)
    first = Fanout.objects.get()
    chain.entry_config = {**chain.entry_config, "rule": "ignored"}
    chain.save()
    with database_clock(TEN - timedelta(hours=1)):
        publish(chain)
    with database_clock(TEN):
        run_due()
    assert Fanout.objects.exclude(pk=first.pk).get().entered == 2
    assert Journey.objects.count() == 2


def test_a_contact_that_moves_east_enters_once(chain: Chain) -> None:
    contact = make_contact(time_zone="UTC")
    with database_clock(TEN):
        run_due()
    contact.time_zone = "America/New_York"
    contact.save()
    Journey.objects.update(status="finished", active_slot=None, due_at=None)
    with database_clock(TEN + timedelta(hours=4)):
        run_due()
    assert Event.objects.filter(name="schedule_due").count() == 2
    assert Journey.objects.count() == 1


def test_nobody_who_is_no_more_is_let_in(chain: Chain) -> None:
    """A contact that became another one used to bring the other in at the shop's hour instead of its own."""
    kept, gone, erased = (make_contact(number) for number in range(3))
    merge_contacts(kept, gone)
    erase_contact(erased)
    fanout = plan()
    with database_clock(TEN):
        while fan_out():
            pass
    fanout.refresh_from_db()
    assert fanout.entered == 1
