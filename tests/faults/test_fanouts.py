"""Whoever plans a schedule or lets its contacts in is killed: everybody gets the letter, and one of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests.build import live_chain
from tests.faults.scenario import Scenario, names
from triggers.crashpoints import EXIT_STATUS
from triggers.models import Chain, Event, Fanout, FanoutState, Journey

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.only_on("postgres"),
    pytest.mark.parametrize("provider", ["smtp"], indirect=True),
]
PEOPLE = 12


def schedule(shop: Scenario, settings: Any) -> None:
    """A daily letter that was due five minutes ago, for a dozen contacts."""
    shop.configure(settings, FANOUT_RATE=1e9)
    for name in names(PEOPLE):
        shop.customer(name, time_zone="UTC")
    at = timezone.now() - timedelta(minutes=5)
    letter = [("thanks", "send_email", {"template": "thanks"})]
    config = {"every": "day", "at": f"{at:%H:%M}"}
    live_chain(letter, key="daily", entry_kind="schedule", entry_config=config)
    Chain.objects.update(activated_at=at - timedelta(hours=1))


def assert_each_has_one(shop: Scenario) -> None:
    assert list(Fanout.objects.values_list("state", "entered")) == [(FanoutState.DONE, PEOPLE)]
    assert Event.objects.filter(name="schedule_due").count() == PEOPLE
    assert Journey.objects.values("contact").distinct().count() == Journey.objects.count() == PEOPLE
    assert {shop.received(name) for name in names(PEOPLE)} == {1}


@pytest.mark.fault("F4")
@pytest.mark.parametrize(
    "point", ["plan.before_commit", "fanout.locked:2", "fanout.before_commit:2", "fanout.after_commit:2"]
)
def test_killed_while_contacts_are_let_in(shop: Scenario, settings: Any, point: str) -> None:
    schedule(shop, settings)
    shop.die(point)
    assert Event.objects.filter(name="schedule_due").count() < PEOPLE
    shop.work()
    assert_each_has_one(shop)


@pytest.mark.fault("F4")
def test_killed_while_contacts_are_put_in_by_hand(shop: Scenario) -> None:
    for name in names(PEOPLE):
        shop.customer(name)
    live_chain(
        [("thanks", "send_email", {"template": "thanks"})],
        key="campaign",
        entry_kind="manual",
        entry_config={},
    )
    assert shop.deed("put_in", "campaign", at="enter.before_commit").returncode == EXIT_STATUS
    assert not Event.objects.filter(name="put_into_chain").exists()
    for _again in range(2):
        assert shop.deed("put_in", "campaign").returncode == 0
        shop.work()
    assert Journey.objects.count() == PEOPLE
    assert {shop.received(name) for name in names(PEOPLE)} == {1}


@pytest.mark.fault("F6", "F14")
def test_two_that_plan_and_work_at_once(shop: Scenario, settings: Any) -> None:
    schedule(shop, settings)
    workers = [shop.start("triggers_run", "--once") for _ in range(2)]
    for worker in workers:
        output, _ = worker.communicate(timeout=120)
        assert worker.returncode == 0, output
    shop.work()
    assert_each_has_one(shop)
