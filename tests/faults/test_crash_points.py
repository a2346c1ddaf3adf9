"""A process is killed at every crash point there is; a healthy one finishes; then the books must balance.

The points are found in the code: one without a case here fails the suite, and so does a commit without a point.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from tests.faults.points import crash_points, functions_that_commit
from tests.faults.scenario import CONCURRENCY, Scenario, names
from tests.faults.smtp_sink import SMTPSink
from triggers.crashpoints import EXIT_STATUS
from triggers.engine.match import match_events
from triggers.engine.publish import pause_chain
from triggers.engine.shards import lock
from triggers.engine.turn import turn
from triggers.models import (
    Chain,
    Consent,
    Contact,
    Event,
    Journey,
    Message,
    OptOut,
    Step,
    Suppression,
    VisitorEvent,
)
from triggers.testing import run_due

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = 12
# Where a worker is killed, on which pass, and how many letters may be in doubt after it: none before the mark is committed.
WORKER = {
    "tick.settled": (1, 0),
    "settle.held_released": (1, 0),
    "turn.locked": (4, 0),
    "turn.matched": (4, 0),
    "turn.before_commit": (3, 0),
    "turn.after_commit": (3, 0),
    "run.on_record": (1, 0),
    "claim.locked": (1, 0),
    "claim.before_mark": (1, 0),
    "claim.before_commit": (1, 0),
    "claim.after_commit": (2, CONCURRENCY),
    "send.before_call": (3, CONCURRENCY),
    "send.connected": (3, CONCURRENCY),
    "send.after_call": (3, CONCURRENCY),
    "send.before_record": (3, CONCURRENCY),
    "send.after_record": (3, CONCURRENCY),
}
# Where it matters what the provider knows; the others are tried over both in the long form only.
OVER_BOTH = ("claim.after_commit", "send.after_call", "send.after_record")
# The rest each have a test of their own, below or beside the brokers.
WEB = ("capture.event_written", "capture.before_commit", "capture.after_commit")
WEB_MANY = ("capture_many.events_written", "capture_many.before_commit", "capture_many.after_commit")
PUBLISHING = ("publish.before_commit", "publish.after_commit", "pause.before_commit", "resume.after_commit")
RELEASING = ("release.before_commit", "release.after_commit", "release.journeys_done")
WEBHOOK = ("webhook.before_commit", "webhook.after_commit")
CONSENT = (
    *("opt_out.before_commit", "opt_out.after_commit", "withdraw.before_commit", "withdraw.after_commit"),
    *("grant.before_commit", "grant.after_commit"),
)
VISITORS = ("collect.before_commit", "identify.before_commit")
TASKS = ("tick.before_bells", "task.before_bells", "task.before_ack")
# In test_people.py.
PEOPLES = (
    *("merge.before_commit", "merge.after_commit", "erase.before_commit", "erase.after_commit"),
    *("leftover.before_commit", "leftover.after_commit"),
)
# In test_processes.py, test_lanes.py, test_rendering.py, test_upkeep.py and test_fanouts.py.
LANES = (
    *("lane.admitted", "lease.before_commit", "breaker.before_commit", "breaker.after_commit"),
    *("unknown.queued_again", "expire.before_commit", "domain.before_commit", "domain.forgotten"),
    *("crashes.before_commit", "crashes.counted", "watch.lanes_marked"),
)
UPKEEP = (
    *("recount.before_commit", "watch.paused", "purge.before_commit", "purge.after_commit"),
    *("segments.before_commit", "segments.after_commit", "learn.before_commit"),
    *("partition.made", "partition.dropped", "reconcile.paused", "reconcile.before_commit"),
)
FANOUTS = (
    *("plan.before_commit", "fanout.locked", "fanout.before_commit", "fanout.after_commit"),
    "enter.before_commit",
)
# In test_api.py.
API = ("api.before_commit", "api.after_commit", "api.contacts_written")
CASES = {
    *WORKER,
    *WEB,
    *WEB_MANY,
    *API,
    *PUBLISHING,
    *RELEASING,
    *WEBHOOK,
    *CONSENT,
    *VISITORS,
    *TASKS,
    *LANES,
    *UPKEEP,
    *FANOUTS,
    *PEOPLES,
}

# Transactions without a point of their own, and why they need none.
SAVEPOINTS = "a savepoint inside a transaction that has its points"
ONE_ACT = "one short transaction of a person's, after which nothing follows"
EXCUSED = {
    "engine/announce.py:_safely": "one insert in the caller's transaction",
    "engine/fan_out.py:_refreshed": SAVEPOINTS,
    "engine/isolate.py:isolate": SAVEPOINTS,
    "engine/advance.py:fire_due": SAVEPOINTS,
    "delivery/claim.py:_contexts": SAVEPOINTS,
    "delivery/claim.py:_ask_receivers": SAVEPOINTS,
    "capturing.py:announce": "a savepoint of those who listen",
    "batch/people.py:_write": SAVEPOINTS,
    "batch/people.py:_write_alone": SAVEPOINTS,
    "engine/journeys.py:exit_journeys": ONE_ACT,
    "engine/journeys.py:resume_journeys": ONE_ACT,
    "engine/journeys.py:retry_failed_journeys": ONE_ACT,
    "engine/facts.py:_shop": SAVEPOINTS,
    "engine/audience/count.py:analysing": "a frame for questions; what is written inside has points of its own",
    "delivery/crashes.py:_claim_and_acquit": "the claim inside has points of its own",
    "tracking/middleware.py:_record": "a new visitor, and a capture that has points of its own",
    "engine/partitions.py:_try": "what it does inside has points of its own",
    "delivery/record.py:_record_accepted": "one UPDATE between send.before_record and send.after_record",
}


def test_every_crash_point_has_a_case() -> None:
    assert set(crash_points()) == CASES


def test_a_name_stands_at_one_place() -> None:
    assert {name: places for name, places in crash_points().items() if len(places) > 1} == {}


def test_every_commit_has_a_crash_point() -> None:
    assert {name for name, has_one in functions_that_commit() if not has_one} == set(EXCUSED)


class TestWorkers:
    """F4: `triggers_run` is killed, on PostgreSQL, over SMTP and over an HTTP API."""

    pytestmark = [pytest.mark.only_on("postgres"), pytest.mark.fault("F4")]

    @pytest.mark.parametrize(
        ("provider", "point"),
        [
            pytest.param(provider, point, marks=pytest.mark.long if is_long else ())
            for point in WORKER
            for provider, is_long in (("smtp", False), ("api", point not in OVER_BOTH))
        ],
        indirect=["provider"],
    )
    def test_killed_at(self, shop: Scenario, point: str) -> None:
        assert_survives(shop, point)


@pytest.mark.only_on("sqlite", "mariadb")
@pytest.mark.parametrize("provider", ["smtp"], indirect=True)
@pytest.mark.parametrize("point", ["turn.before_commit", "claim.before_commit", "send.after_call"])
def test_a_worker_is_killed_on_other_databases(shop: Scenario, point: str) -> None:
    assert_survives(shop, point)


def match_only() -> None:
    """Let everybody enter the chain, and nobody take a step."""
    with transaction.atomic():
        for contact in Contact.objects.all():
            now = lock(contact.shard)
            match_events([contact.shard], now, 100)


def assert_survives(shop: Scenario, point: str) -> None:
    times, most_unknown = WORKER[point]
    shop.fill_carts(*names(PEOPLE))
    shop.die(f"{point}:{times}")
    in_doubt = Message.objects.filter(state="sending")
    count, for_ever = in_doubt.count(), in_doubt.filter(message_class="marketing").count()
    shop.recover()
    assert shop.problems(most_unknown=most_unknown) == []
    assert shop.doubts() == count
    # The others were sent again; where the provider knows a letter by its key, all were.
    assert shop.books()["unknown"] == (for_ever if isinstance(shop.provider, SMTPSink) else 0)
    assert shop.books()["due"] == 2 * PEOPLE


@pytest.mark.fault("F1", "F2")
@pytest.mark.only_on("postgres")
@pytest.mark.parametrize("provider", ["smtp"], indirect=True)
class TestWeb:
    """F1: the shop's web process is killed around the commit of its order."""

    @pytest.mark.parametrize("point", WEB)
    def test_killed_inside_the_shops_transaction(self, shop: Scenario, point: str) -> None:
        """The order and its event are one transaction: neither is there, whichever of our lines came last."""
        assert shop.deed("order", "ann@example.com", at=point).returncode == EXIT_STATUS
        assert not get_user_model().objects.exists()
        assert not Event.objects.filter(name="add_to_cart").exists()
        shop.recover()
        assert shop.problems() == []

    @pytest.mark.parametrize("point", WEB_MANY)
    def test_killed_inside_an_import_of_the_shops(self, shop: Scenario, point: str) -> None:
        assert shop.deed("orders", "ann@example.com", "ben@example.com", at=point).returncode == EXIT_STATUS
        assert not get_user_model().objects.exists()
        assert not Event.objects.exists()
        assert shop.deed("orders", "ann@example.com", "ben@example.com").returncode == 0
        assert Event.objects.filter(name="add_to_cart").count() == 2

    def test_killed_after_the_commit(self, shop: Scenario) -> None:
        """Nobody was rung for it, and nobody needs to be."""
        agreed = shop.customer("ann")
        assert shop.deed("order", "ann@example.com", at="order.committed").returncode == EXIT_STATUS
        assert Event.objects.filter(name="add_to_cart").get().contact == agreed
        shop.believe("ann", None)
        shop.recover()
        assert shop.problems() == []
        assert shop.books()["sent"] == 2


@pytest.mark.fault("F20")
@pytest.mark.only_on("postgres")
@pytest.mark.parametrize("provider", ["smtp"], indirect=True)
class TestPublishing:
    """F20: whoever publishes, pauses or resumes a chain is killed."""

    def test_before_a_version_is_committed_the_old_one_runs(self, shop: Scenario) -> None:
        Step.objects.filter(key="thanks").delete()
        assert shop.deed("publish", "chain", at="publish.before_commit").returncode == EXIT_STATUS
        shop.fill_carts("ann")
        shop.recover()
        assert Chain.objects.get().versions.count() == 1
        assert shop.problems() == []

    def test_before_a_pause_is_committed_there_is_none(self, shop: Scenario) -> None:
        shop.fill_carts("ann")
        turn(Contact.objects.get().shard)
        assert shop.deed("pause", "chain", at="pause.before_commit").returncode == EXIT_STATUS
        shop.recover()
        assert shop.problems() == []
        assert shop.books()["sent"] == 2

    @pytest.mark.parametrize("point", ["publish.after_commit", "resume.after_commit", *RELEASING])
    def test_a_release_that_broke_off_is_finished(self, shop: Scenario, point: str) -> None:
        """Journeys and letters of a chain that was paused used to stay parked for ever when its release was killed."""
        held, parked = names(3, "held"), names(3, "parked")
        shop.fill_carts(*held)
        for contact in Contact.objects.all():
            turn(contact.shard)
        shop.fill_carts(*parked)
        match_only()
        pause_chain(Chain.objects.get())
        run_due()
        assert set(Journey.objects.exclude(status="finished").values_list("status", flat=True)) == {"paused"}
        assert set(Message.objects.values_list("state", flat=True)) == {"held"}
        verb = "publish" if point.startswith("publish") else "resume"
        assert shop.deed(verb, "chain", at=point).returncode == EXIT_STATUS
        Chain.objects.update(resuming_until=timezone.now() - timedelta(seconds=1))
        shop.recover()
        assert shop.problems() == []
        assert shop.books()["sent"] == 12


@pytest.mark.fault("F4", "F17")
@pytest.mark.only_on("postgres")
@pytest.mark.parametrize("provider", ["api"], indirect=True)
class TestWebhooks:
    """F17: the process that takes a provider's notice is killed; the provider, unanswered, says it again."""

    @pytest.mark.parametrize("point", WEBHOOK)
    @pytest.mark.parametrize(("kind", "state"), [("delivered", "delivered"), ("bounced", "bounced")])
    def test_the_notice_counts_once(self, shop: Scenario, point: str, kind: str, state: str) -> None:
        shop.fill_carts("ann")
        shop.recover()
        uid = Message.objects.get(template_key="reminder").uid.hex
        assert shop.deed("report", uid, kind, at=point).returncode == EXIT_STATUS
        for _again in range(2):
            assert shop.deed("report", uid, kind).returncode == 0
        assert Message.objects.get(uid=uid).state == state
        assert Suppression.objects.count() == (kind == "bounced")
        assert shop.problems() == []

    @pytest.mark.parametrize("point", WEBHOOK)
    def test_an_opening_is_one_event(self, shop: Scenario, point: str) -> None:
        shop.fill_carts("ann")
        shop.recover()
        uid = Message.objects.get(template_key="reminder").uid.hex
        assert shop.deed("report", uid, "opened", at=point).returncode == EXIT_STATUS
        assert shop.deed("report", uid, "opened").returncode == 0
        assert Event.objects.filter(name="email_opened").count() == 1


@pytest.mark.fault("F21")
@pytest.mark.only_on("postgres")
@pytest.mark.parametrize("provider", ["smtp"], indirect=True)
class TestConsent:
    """F21: the page that takes a refusal is killed. Committed, it counts; not committed, the reader sees no answer."""

    @pytest.mark.parametrize(
        ("point", "do", "received"),
        [
            ("opt_out.before_commit", "one-click", 1),
            ("opt_out.after_commit", "one-click", 0),
            ("withdraw.before_commit", "all", 1),
            ("withdraw.after_commit", "all", 0),
        ],
    )
    def test_killed_while_somebody_unsubscribes(
        self, shop: Scenario, point: str, do: str, received: int
    ) -> None:
        shop.fill_carts("ann")
        turn(Contact.objects.get().shard)
        uid = Message.objects.get(template_key="reminder").uid.hex
        assert shop.deed("unsubscribe", uid, do, at=point).returncode == EXIT_STATUS
        shop.recover()
        assert shop.problems() == []
        # The transactional letter always, the marketing letter only when the refusal was not committed.
        assert shop.received("ann") == 1 + received

    def test_a_refusal_may_be_said_again(self, shop: Scenario) -> None:
        shop.fill_carts("ann")
        turn(Contact.objects.get().shard)
        uid = Message.objects.get(template_key="reminder").uid.hex
        assert (
            shop.deed("unsubscribe", uid, "one-click", at="opt_out.before_commit").returncode == EXIT_STATUS
        )
        for _again in range(2):
            assert shop.deed("unsubscribe", uid, "one-click").returncode == 0
        assert OptOut.objects.count() == 1
        assert Event.objects.filter(name="unsubscribed").count() == 1

    @pytest.mark.parametrize(("point", "granted"), [("grant.before_commit", 0), ("grant.after_commit", 1)])
    def test_killed_while_somebody_agrees(self, shop: Scenario, point: str, granted: int) -> None:
        """Consent and the event that proves it are there together or not at all."""
        shop.customer("ann", agrees=False)
        assert shop.deed("agree", "ann@example.com", at=point).returncode == EXIT_STATUS
        assert Consent.objects.filter(is_granted=True).count() == granted
        assert Event.objects.filter(name="consent_granted").count() == granted


@pytest.mark.fault("F1")
@pytest.mark.only_on("postgres")
@pytest.mark.parametrize("provider", ["smtp"], indirect=True)
class TestVisitors:
    """The process that answers the tracker is killed; the browser, unanswered, says it again."""

    @pytest.mark.parametrize("point", VISITORS)
    def test_a_parcel_is_recorded_once(self, shop: Scenario, point: str) -> None:
        assert shop.deed("browse", "first-parcel").returncode == 0
        assert shop.deed("log_in", "ann@example.com", at=point).returncode == EXIT_STATUS
        assert VisitorEvent.objects.count() == 1
        for _again in range(2):
            assert shop.deed("log_in", "ann@example.com").returncode == 0
        assert not VisitorEvent.objects.exists()
        assert sorted(
            Event.objects.filter(name__in=("search", "page_view")).values_list("name", flat=True)
        ) == [
            *("page_view", "search"),
        ]
