"""A backup that is an hour old comes back: what the world has seen since must not come again by itself, nor be lost."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from django.db.models import F

import triggers
from tests.build import live_chain
from tests.faults.backup import Backup
from tests.faults.conftest import SMTP_FIRST
from tests.faults.esp import ESP
from tests.faults.scenario import Scenario, names
from triggers.control import is_everything_paused, resume_everything
from triggers.delivery.retry import retry_messages
from triggers.engine.journeys import resume_journeys, retry_failed_events
from triggers.engine.turn import turn
from triggers.models import SHARDS, Chain, Event, Heartbeat, Journey, Message, PendingEvent, Transition
from triggers.testing import run_due

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.only_on("postgres"),
    SMTP_FIRST,
]
PEOPLE = 2
HOUR = timedelta(hours=1)
# Two letters each for those whose letters were queued and whose events were new, one for those who waited.
LETTERS = 5 * PEOPLE


@pytest.fixture
def restored(shop: Scenario) -> Scenario:
    """When the backup was made some waited, some had letters queued, some events were new. All of it happened then."""
    steps = [
        ("wait", "wait", {"amount": 30, "unit": "minutes"}),
        ("late", "send_email", {"template": "reminder"}),
    ]
    live_chain(steps, key="waits", event="view_item")
    for name in names(PEOPLE, "waited"):
        triggers.capture("view_item", contact=shop.customer(name))
    run_due()
    shop.fill_carts(*names(PEOPLE, "queued"))
    turn(*range(SHARDS))
    shop.fill_carts(*names(PEOPLE, "new"))
    backup = Backup()
    age(HOUR)
    run_due()
    assert sum(received(shop).values()) == LETTERS
    backup.restore()
    age(HOUR)
    return shop


def received(shop: Scenario) -> Counter[str]:
    """Letters by address."""
    return Counter(one.to for one in shop.provider.log.read())


def age(by: timedelta) -> None:
    """All that the tables hold happened so much earlier."""
    for model, columns in (
        (Chain, ("activated_at",)),
        (Event, ("recorded_at", "occurred_at")),
        (Journey, ("since", "entered_at", "due_at", "ended_at")),
        (Message, ("created_at", "send_after", "expires_at")),
        (Transition, ("at",)),
        (Heartbeat, ("at",)),
    ):
        model._default_manager.update(**{column: F(column) - by for column in columns})


@pytest.mark.fault("F25")
def test_started_as_it_is_it_would_send_everything_again(restored: Scenario) -> None:
    """What this does not show, the others could not prove."""
    run_due()
    # What had been queued leaves under the key of its first copy, by which this provider's API knows it again.
    known_again = 2 * PEOPLE if isinstance(restored.provider, ESP) else 0
    assert sum(received(restored).values()) == 2 * LETTERS - known_again


@pytest.mark.fault("F25")
@pytest.mark.parametrize("killed_at", ["", "reconcile.paused", "reconcile.before_commit"])
def test_nothing_leaves_again_by_itself(restored: Scenario, killed_at: str) -> None:
    """Not even when whoever puts it in order is killed, and workers are started before somebody else does."""
    before = received(restored)
    if killed_at:
        restored.die(killed_at, "triggers_reconcile")
        restored.work()
    restored.run("triggers_reconcile")
    assert is_everything_paused()
    resume_everything()
    restored.recover()
    assert received(restored) == before
    # All of it is there, with its reason, for a person to decide.
    unknown = Message.objects.filter(state="unknown", unknown_since__isnull=False)
    assert unknown.exclude(reason="").count() == 2 * PEOPLE
    assert Journey.objects.filter(chain__key="waits", status="paused").count() == PEOPLE
    aside = PendingEvent.objects.filter(is_set_aside=True, event__name="add_to_cart")
    assert aside.count() == PEOPLE
    assert not Message.objects.filter(state__in=("queued", "held", "sending")).exists()


@pytest.mark.fault("F25")
def test_a_person_may_let_all_of_it_go_on(restored: Scenario) -> None:
    """Whoever accepts second copies sends everything: nothing is lost."""
    restored.run("triggers_reconcile")
    resume_everything()
    assert retry_messages(Message.objects.values_list("pk", flat=True)) == 2 * PEOPLE
    assert resume_journeys(Journey.objects.values_list("pk", flat=True)) == PEOPLE
    assert retry_failed_events(PendingEvent.objects.values_list("pk", flat=True)) >= PEOPLE
    restored.recover()
    assert restored.books()["sent"] == LETTERS
    assert set(received(restored).values()) == {2, 4}


@pytest.mark.fault("F25")
def test_what_the_shop_says_after_it_goes_its_way(restored: Scenario) -> None:
    """With ids that the lost hour had given to others."""
    restored.run("triggers_reconcile")
    restored.fill_carts("ann")
    resume_everything()
    restored.recover()
    assert restored.received("ann") == 2
    assert sum(received(restored).values()) == LETTERS + 2
