"""Whoever counts, cleans up or watches is killed: nothing is half done that matters, and it may run again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

import triggers
from tests.faults.scenario import Scenario, names
from triggers.crashpoints import EXIT_STATUS
from triggers.engine.audience.membership import look_at_segments
from triggers.engine.publish import resume_chain
from triggers.engine.turn import turn
from triggers.models import (
    SHARDS,
    Chain,
    ChainDay,
    ContactTag,
    Event,
    EventDay,
    Journey,
    Message,
    MessageBody,
    Segment,
    Trait,
)
from triggers.testing import run_due

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.only_on("postgres"),
    pytest.mark.parametrize("provider", ["smtp"], indirect=True),
]
PEOPLE = 3


@pytest.mark.fault("F4")
def test_counts_that_are_made_anew_are_the_old_ones_until_they_are_there(shop: Scenario) -> None:
    shop.fill_carts(*names(PEOPLE))
    run_due()
    assert set(ChainDay.objects.values_list("sent", flat=True)) == {PEOPLE}
    ChainDay.objects.update(sent=99)
    shop.die("recount.before_commit", "triggers_recount")
    assert set(ChainDay.objects.values_list("sent", flat=True)) == {99}
    shop.run("triggers_recount")
    assert set(ChainDay.objects.values_list("sent", flat=True)) == {PEOPLE}


@pytest.mark.fault("F4")
def test_a_chain_that_does_harm_is_paused_and_loses_nothing(shop: Scenario, settings: Any) -> None:
    """Killed before the managers were told: it is paused all the same, and the health page says why."""
    shop.configure(settings, FAILURES_STOP=1)
    shop.fill_carts(*names(PEOPLE))
    turn(*range(SHARDS))
    chain = Chain.objects.get()
    ChainDay.objects.create(
        chain=chain, day=timezone.now().date(), channel="email", message_class="marketing", failing=1
    )
    shop.die("watch.paused")
    chain.refresh_from_db()
    assert (chain.status, bool(chain.paused_why)) == ("paused", True)
    assert set(Message.objects.values_list("state", flat=True)) == {"held"}
    resume_chain(chain)
    shop.recover()
    assert shop.problems() == []
    assert shop.books()["sent"] == 2 * PEOPLE


@pytest.mark.fault("F4")
@pytest.mark.parametrize("point", ["purge.before_commit", "purge.after_commit"])
def test_a_purge_is_finished_by_the_next_one(shop: Scenario, settings: Any, point: str) -> None:
    """What is old goes, what still waits stays, whatever is killed."""
    shop.configure(settings, RETENTION={"messages": 60, "journeys": 60})
    shop.fill_carts(*names(PEOPLE))
    run_due()
    Message.objects.update(
        **{name: F(name) - timedelta(days=90) for name in ("created_at", "sending_at", "accepted_at")}
    )
    Journey.objects.update(
        entered_at=F("entered_at") - timedelta(days=90), ended_at=F("ended_at") - timedelta(days=90)
    )
    waiting = shop.customer("waits")
    assert triggers.capture("add_to_cart", contact=waiting)
    turn(waiting.shard)
    Message.objects.filter(contact=waiting).update(created_at=F("created_at") - timedelta(days=90))
    shop.die(point, "triggers_purge")
    gone = point == "purge.after_commit"
    assert Message.objects.count() == (2 if gone else 2 * PEOPLE + 2)
    shop.run("triggers_purge")
    assert set(Message.objects.values_list("contact", "state")) == {(waiting.pk, "queued")}
    assert set(Journey.objects.values_list("contact", flat=True)) == {waiting.pk}
    run_due()
    assert shop.received("waits") == 2
    assert MessageBody.objects.count() == 2


@pytest.mark.fault("F4")
@pytest.mark.parametrize("point", ["purge.before_commit", "purge.after_commit"])
def test_an_event_that_goes_is_counted_by_its_day_once(shop: Scenario, settings: Any, point: str) -> None:
    shop.configure(settings, RETENTION={"events": 60})
    ann = shop.customer("ann")
    old = timezone.now() - timedelta(days=90)
    for _number in range(PEOPLE):
        Event.objects.create(contact=ann, name="page_view", occurred_at=old, recorded_at=old)
    shop.die(point, "triggers_purge")
    assert Event.objects.filter(name="page_view").exists() == (point == "purge.before_commit")
    assert EventDay.objects.exists() == (point == "purge.after_commit")
    shop.run("triggers_purge")
    assert not Event.objects.filter(name="page_view").exists()
    assert EventDay.objects.get().count == PEOPLE


@pytest.mark.fault("F4")
class TestMonths:
    """Pieces of the tables of events and transitions, made ahead and dropped whole."""

    def test_a_piece_is_made_or_it_is_not(self, shop: Scenario) -> None:
        # Workers of other tests have made them already.
        self.drop({name for name in self.pieces() if not name.endswith("_default")})
        shop.fill_carts("ann")
        events = set(Event.objects.values_list("pk", flat=True))
        pieces = self.pieces()
        assert shop.deed("cut_months", "make", at="partition.made").returncode == EXIT_STATUS
        assert self.pieces() == pieces
        assert set(Event.objects.values_list("pk", flat=True)) == events
        try:
            assert shop.deed("cut_months", "make").returncode == 0
            assert len(self.pieces()) > len(pieces)
            assert set(Event.objects.values_list("pk", flat=True)) == events
            shop.recover()
            assert shop.problems() == []
        finally:
            self.drop(self.pieces() - pieces)

    def test_a_piece_is_dropped_or_it_is_not(self, shop: Scenario) -> None:
        pieces = self.pieces()
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TABLE triggers_event_2001_01 PARTITION OF triggers_event FOR VALUES FROM ('2001-01-01Z') TO ('2001-02-01Z')"
            )
        old = datetime(2001, 1, 2, tzinfo=UTC)
        Event.objects.create(contact=shop.customer("ann"), name="page_view", occurred_at=old, recorded_at=old)
        assert shop.deed("cut_months", "drop", at="partition.dropped").returncode == EXIT_STATUS
        assert Event.objects.filter(name="page_view").exists()
        assert not EventDay.objects.exists()
        assert shop.deed("cut_months", "drop").returncode == 0
        assert not Event.objects.filter(name="page_view").exists()
        assert EventDay.objects.get().count == 1
        assert self.pieces() == pieces

    def pieces(self) -> set[str]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT inhrelid::regclass::text FROM pg_inherits"
                " WHERE inhparent IN ('triggers_event'::regclass, 'triggers_transition'::regclass)"
            )
            return {name for (name,) in cursor.fetchall()}

    def drop(self, pieces: set[str]) -> None:
        with connection.cursor() as cursor:
            for name in sorted(pieces):
                cursor.execute(f"DROP TABLE {name}")


@pytest.mark.fault("F4")
@pytest.mark.parametrize("point", ["segments.before_commit", "segments.after_commit"])
def test_who_came_into_a_segment_is_told_once(shop: Scenario, point: str) -> None:
    Segment.objects.create(key="vips", name="VIPs", rule={"kind": "tag", "tag": "vip"}, is_watched=True)
    look_at_segments()
    for name in names(PEOPLE):
        ContactTag.objects.create(contact=shop.customer(name), name="vip")
    shop.die(point)
    told = Event.objects.filter(name="segment_entered")
    assert told.count() == (PEOPLE if point == "segments.after_commit" else 0)
    look_at_segments()
    assert told.count() == told.values("contact").distinct().count() == PEOPLE


@pytest.mark.fault("F4")
def test_what_was_learned_stays_until_it_is_learned_anew(shop: Scenario) -> None:
    contact = shop.customer("buys")
    item = {"items": [{"item_category": "Lamps", "price": 40}], "value": 40}
    assert triggers.capture("purchase", contact=contact, data=item)
    shop.run("triggers_learn")
    before = set(Trait.objects.values_list("kind", "value"))
    assert before
    shop.die("learn.before_commit", "triggers_learn")
    assert set(Trait.objects.values_list("kind", "value")) == before
