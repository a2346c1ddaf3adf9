"""What used to stop the engine, or to let it do the wrong thing: each once, as a reviewer found it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import OperationalError, connection
from django.utils import timezone

import triggers
from tests.build import Tree, draft_chain, live_chain, make_contact, make_template
from triggers.core.values import JourneyState
from triggers.engine import facts
from triggers.engine.problems import find_problems
from triggers.engine.turn import turn
from triggers.engine.versions import forget_graphs
from triggers.models import ChainRule, ChainVersion, Contact, Event, Journey, PendingEvent
from triggers.shop import ContactRef, ShopAdapter
from triggers.testing import database_clock, run_due
from triggers.transient import is_transient

pytestmark = pytest.mark.django_db

HAS_A_CART = {"condition": {"kind": "shop_fact", "fact": "cart.count", "op": "gte", "value": 1}}
WAITS = [("wait", "wait", {"amount": 1, "unit": "hours"}), ("bye", "exit", {})]
ASKS: Tree = [("ask", "condition", HAS_A_CART, {"yes": [("a", "exit", {})], "no": [("b", "exit", {})]})]


def test_an_event_of_a_contact_that_is_gone_goes_nowhere() -> None:
    """It used to fail at COMMIT, outside every net, and took its shard's neighbours with it for ever."""
    live_chain(WAITS)
    now = timezone.now()
    orphan = Event.objects.create(contact_id=64_000_064, name="add_to_cart", occurred_at=now, recorded_at=now)
    PendingEvent.objects.create(event=orphan, shard=0)
    neighbour = make_contact(pk=128)
    triggers.capture("add_to_cart", contact=neighbour)
    run_due()
    assert Journey.objects.get().contact == neighbour
    assert not PendingEvent.objects.exists()
    connection.check_constraints()


def test_a_wrong_column_in_the_hosts_query_blames_the_row_and_not_the_connection() -> None:
    """It used to be taken for a lost connection, so nothing in its shards moved any more."""
    wrong = OperationalError("(1054) unknown column; no such column")
    wrong.__cause__ = Exception(1054, "unknown column")
    if connection.vendor == "postgresql":
        wrong.__cause__.sqlstate = "57014"  # type: ignore[attr-defined]
    assert not is_transient(wrong)


@pytest.mark.only_on("postgres")
@pytest.mark.parametrize(
    "state", ["08006", "40001", "40P01", "53100", "53300", "55P03", "57P01", "58030", None]
)
def test_lost_connections_deadlocks_and_full_disks_are_nobodys_fault(state: str | None) -> None:
    error = OperationalError("gone")
    error.__cause__ = Exception("gone")
    error.__cause__.sqlstate = state  # type: ignore[attr-defined]
    assert is_transient(error)


def test_one_version_that_cannot_be_read_stops_no_other_chain() -> None:
    """It used to set every event of every chain aside."""
    make_template()
    broken = live_chain(WAITS, key="broken")
    inside = make_contact(1)
    triggers.capture("add_to_cart", contact=inside)
    run_due()
    rule = {"event": "purchase", "filters": [{"path": "value", "op": "resembles"}], "same_object": False}
    definition = {**ChainVersion.objects.get().definition, "goals": [rule]}
    ChainVersion.objects.update(definition=definition, sha256="0" * 64)
    forget_graphs()
    live_chain(WAITS, key="healthy")
    triggers.capture("add_to_cart", contact=make_contact(2))
    with database_clock(timezone.now() + timedelta(hours=2)):
        run_due()
    forget_graphs()
    assert not PendingEvent.objects.exists()
    # Left to a worker of a release that can read it.
    assert Journey.objects.get(chain=broken, contact=inside).status == "active"
    assert not Journey.objects.filter(chain=broken).exclude(contact=inside).exists()
    assert set(Journey.objects.exclude(chain=broken).values_list("status", flat=True)) == {"exited"}


def test_nothing_leaves_for_a_chain_whose_goals_cannot_be_read() -> None:
    make_template()
    live_chain([("letter", "send_email", {"template": "reminder"})])
    contact = make_contact()
    triggers.capture("add_to_cart", contact=contact)
    turn(contact.shard)
    ChainVersion.objects.update(definition={"steps": "nonsense"}, sha256="1" * 64)
    forget_graphs()
    run_due()
    forget_graphs()
    assert not mail.outbox
    assert contact.messages.get().state == "held"


def test_an_ending_event_whose_filters_cannot_be_read_is_not_published() -> None:
    chain = draft_chain(WAITS)
    ChainRule.objects.create(chain=chain, role="goal", event="purchase", filters=[{"op": "resembles"}])
    assert "purchase" in str(find_problems(chain)[0])


def test_an_order_older_than_the_journey_does_not_end_it() -> None:
    """A set-aside purchase that was replayed a week later used to end the cart of today."""
    live_chain(WAITS, goals=["purchase"])
    contact = make_contact()
    now = timezone.now()
    triggers.capture("add_to_cart", contact=contact)
    run_due()
    old = Event.objects.create(
        contact=contact, name="purchase", occurred_at=now, recorded_at=now - timedelta(days=7)
    )
    PendingEvent.objects.create(event=old, shard=contact.shard)
    run_due()
    assert Journey.objects.get().status == "active"


def test_a_journey_that_starts_again_is_about_the_new_cart() -> None:
    """It used to keep the old cart, so an order of the new one did not end it."""
    chain = draft_chain(WAITS, re_entry="restart")
    ChainRule.objects.create(chain=chain, role="goal", event="purchase", same_object=True)
    from triggers.engine.publish import publish

    publish(chain)
    contact = make_contact()
    triggers.capture("add_to_cart", contact=contact, object_ref="cart:1")
    run_due()
    second = triggers.capture("add_to_cart", contact=contact, object_ref="cart:2")
    run_due()
    journey = Journey.objects.get()
    assert second
    assert (journey.object_ref, journey.entry_event_id) == ("cart:2", second.pk)
    assert journey.entered_at == Event.objects.get(pk=second.pk).recorded_at
    triggers.capture("purchase", contact=contact, object_ref="cart:2")
    run_due()
    assert Journey.objects.get().status == "exited"


class Unreachable(ShopAdapter):
    """A shop that is down while `is_down`."""

    is_down = True

    def load_facts(self, names: Sequence[str], contacts: Sequence[ContactRef]) -> dict[int, dict[str, Any]]:
        if self.is_down:
            raise ConnectionError("the shop is down")
        return super().load_facts(names, contacts)


def test_a_shop_that_is_down_puts_off_who_asks_it_and_nobody_else(settings: Any) -> None:
    """It used to fail every one of their journeys for good."""
    settings.TRIGGERS = {**settings.TRIGGERS, "SHOP_ADAPTER": f"{__name__}.Unreachable"}
    Unreachable.is_down = True
    live_chain(ASKS, key="asks")
    live_chain([("bye", "exit", {})], key="asks-nothing")
    triggers.capture("add_to_cart", contact=make_contact())
    run_due()
    asking = Journey.objects.get(chain__key="asks")
    assert Journey.objects.get(chain__key="asks-nothing").status == "exited"
    assert asking.status == "active"
    assert asking.due_at
    assert asking.due_at > timezone.now()
    Unreachable.is_down = False
    with database_clock(timezone.now() + timedelta(minutes=2)):
        run_due()
    asking.refresh_from_db()
    assert asking.status == "exited"


def test_an_error_that_no_database_can_store_still_sets_its_journey_aside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A lone surrogate in its text used to make the failing itself fail."""

    def breaks(*args: Any) -> dict[Any, dict[int, Any]]:
        raise ValueError("bad \ud800 \0 text")

    monkeypatch.setitem(facts.PROVIDERS, "event_count", breaks)
    live_chain(WAITS, goals=["purchase"])
    triggers.capture("add_to_cart", contact=make_contact())
    run_due()
    journey = Journey.objects.get()
    assert journey.status == "failed"
    assert journey.error == "ValueError: bad ?  text"


def test_a_shard_that_never_ends_does_not_starve_the_others(settings: Any) -> None:
    """The shard with more to do used to go to the front of the queue."""
    settings.TRIGGERS = {**settings.TRIGGERS, "TURN_BATCH": 2}
    live_chain([("bye", "exit", {})])
    for number in range(12):
        triggers.capture("add_to_cart", contact=make_contact(number, agrees=False, pk=64 * (number + 1)))
    late = make_contact(20, agrees=False, pk=64 * 20 + 1)
    triggers.capture("add_to_cart", contact=late)
    turn(0, 1, seconds=0)
    turn(0, 1, seconds=0)
    first = turn(0, 1, seconds=0.001)
    assert first.events
    run_due()
    assert Journey.objects.filter(contact=late).exists()
    assert not mail.outbox


def test_facts_of_a_contact_that_is_gone_are_nothing() -> None:
    now = timezone.now()
    state = JourneyState(1, 999_999, "wait", now, 0, now)
    from triggers.core.values import Fact

    loaded = facts.load_facts([(state, [Fact("contact_field", ("language",)), Fact("tags")])], now)
    assert loaded[1][Fact("contact_field", ("language",))] is None
    assert not Contact.objects.exists()
