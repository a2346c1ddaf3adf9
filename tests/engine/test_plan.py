"""Which occasions become fan-outs, and which do not any more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.build import live_chain, make_contact
from tests.pure import utc
from triggers.delivery.reconcile import reconcile
from triggers.engine.plan import plan_fanouts, zones_in_use
from triggers.engine.publish import pause_chain, publish, resume_chain
from triggers.heartbeat import beat
from triggers.models import Chain, Contact, Fanout
from triggers.testing import database_clock

pytestmark = pytest.mark.django_db

DAILY = {"every": "day", "at": "10:00"}
WAIT = [("wait", "wait", {"amount": 1, "unit": "hours"})]
# The suite's TIME_ZONE is UTC.
START = utc("2026-06-01 07:00")
TEN = utc("2026-06-01 10:00")


def daily(key: str = "chain", **config: Any) -> Chain:
    with database_clock(START):
        return live_chain(WAIT, key=key, entry_kind="schedule", entry_config=DAILY | config)


def plan_at(moment: Any) -> int:
    with database_clock(moment):
        return plan_fanouts()


def slots() -> list[tuple[str, str]]:
    return list(Fanout.objects.order_by("pk").values_list("zone", "slot"))


def test_every_zone_in_use_has_its_own_moment() -> None:
    daily()
    for number, zone in enumerate(["Asia/Tokyo", "", "Europe/Berlin", "Europe/Berlin", "No/Such"]):
        make_contact(number, time_zone=zone)
    assert list(zones_in_use()) == ["", "Asia/Tokyo", "Europe/Berlin", "No/Such"]
    assert plan_at(TEN - timedelta(seconds=1)) == 1
    assert slots() == [("Europe/Berlin", "2026-06-01T10:00")]
    assert plan_at(TEN) == 2
    assert sorted(zone for zone, _slot in slots()) == ["", "Europe/Berlin", "No/Such"]
    assert plan_at(utc("2026-06-02 01:00")) == 1
    assert slots()[-1] == ("Asia/Tokyo", "2026-06-02T10:00")


def test_again_makes_nothing() -> None:
    daily()
    make_contact()
    assert [plan_at(TEN + timedelta(minutes=minute)) for minute in range(5)] == [1, 0, 0, 0, 0]


def test_chains_with_the_same_settings_share_a_fan_out() -> None:
    daily("one")
    daily("two")
    daily("three", segment="vip")
    make_contact()
    assert plan_at(TEN) == 2
    assert sorted(Fanout.objects.values_list("segment", flat=True)) == ["", "vip"]


def test_without_a_chain_with_a_calendar_it_is_one_look(django_assert_num_queries: Any) -> None:
    live_chain(WAIT)
    plan_fanouts()
    with django_assert_num_queries(1):
        assert plan_fanouts() == 0


def test_a_chain_does_not_look_back() -> None:
    make_contact()
    with database_clock(TEN + timedelta(seconds=1)):
        live_chain(WAIT, entry_kind="schedule", entry_config=DAILY)
    assert plan_at(TEN + timedelta(minutes=1)) == 0
    assert plan_at(TEN + timedelta(days=1)) == 1


def test_a_changed_trigger_counts_from_now_on() -> None:
    """At 11:00 the schedule is moved from 12:00 to 10:00: nobody gets today's."""
    chain = daily(at="12:00")
    make_contact()
    plan_at(START)
    chain.entry_config = DAILY
    chain.save()
    with database_clock(TEN + timedelta(hours=1)):
        publish(chain)
    assert plan_at(TEN + timedelta(hours=3)) == 0


def test_a_new_version_with_the_same_trigger_loses_no_occasion() -> None:
    chain = daily()
    make_contact()
    plan_at(START)
    chain.steps.update(config={"amount": 2, "unit": "hours"})
    with database_clock(TEN + timedelta(seconds=30)):
        publish(chain)
    assert plan_at(TEN + timedelta(minutes=1)) == 1


def test_what_a_pause_covered_is_not_made_up_for() -> None:
    chain = daily()
    make_contact()
    plan_at(START)
    pause_chain(chain)
    assert plan_at(TEN + timedelta(minutes=1)) == 0
    with database_clock(TEN + timedelta(minutes=2)):
        resume_chain(chain)
    assert plan_at(TEN + timedelta(minutes=3)) == 0
    assert plan_at(TEN + timedelta(days=1)) == 1


def test_after_an_outage_every_missed_occasion_is_written_down_once() -> None:
    daily()
    make_contact()
    plan_at(START)
    assert plan_at(TEN + timedelta(days=2, hours=3)) == 3
    assert plan_at(TEN + timedelta(days=2, hours=4)) == 0


def test_years_without_a_plan_are_not_gone_through() -> None:
    daily()
    make_contact()
    plan_at(START)
    assert plan_at(TEN + timedelta(days=400)) == 31


def test_a_clock_that_was_set_back_plans_nothing_twice() -> None:
    daily()
    make_contact()
    assert plan_at(TEN + timedelta(minutes=5)) == 1
    assert plan_at(TEN + timedelta(minutes=1)) == 0


def test_a_restored_backup_gives_nothing_out_again() -> None:
    """What came due since the backup may have been given out; what comes due from now on is."""
    daily()
    make_contact()
    plan_at(START)
    now = TEN + timedelta(days=1, hours=2)
    with database_clock(now):
        beat("tick")
        reconcile(START)
    assert plan_at(now + timedelta(minutes=1)) == 0
    assert plan_at(TEN + timedelta(days=2)) == 1


def test_looking_for_zones_takes_a_probe_for_each(django_assert_num_queries: Any) -> None:
    Contact.objects.bulk_create([Contact(time_zone=f"Zone/{number % 3}") for number in range(100)])
    with django_assert_num_queries(4):
        assert len(list(zones_in_use())) == 3
