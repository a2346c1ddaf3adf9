"""The gates that all senders share: somebody dies in one, the provider wants a rest, the account is gone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db.models import F
from django.utils import timezone

from tests.faults.esp import ESP
from tests.faults.scenario import CONCURRENCY, Scenario, names, pass_time
from tests.faults.smtp_sink import SMTPSink
from triggers.clock import DatabaseNow
from triggers.core.words import say
from triggers.delivery.lane import lanes_with_work, pause_lane, resume_lane
from triggers.engine.turn import turn
from triggers.models import SHARDS, Heartbeat, Lane, Message, SlowDomain
from triggers.testing import run_due
from triggers.workload import find_work, look_after

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("postgres")]
PEOPLE = 8
SMTP_ONLY = pytest.mark.parametrize("provider", ["smtp"], indirect=True)
API_ONLY = pytest.mark.parametrize("provider", ["api"], indirect=True)


def with_rate(shop: Scenario, settings: Any, rate: float) -> None:
    shop.configure(settings, EMAIL_ACCOUNTS={"default": {**shop.provider.account(), "RATE": rate}})


def revoked(shop: Scenario) -> dict[str, Any]:
    """The account with a login that is good no more."""
    account = shop.provider.account()
    login = {"username": "shop", "password": "old"}
    wrong = login if isinstance(shop.provider, SMTPSink) else {"api_key": "revoked"}
    return {**account, "OPTIONS": account["OPTIONS"] | wrong}


@pytest.mark.fault("F4", "F12")
@SMTP_ONLY
class TestKilled:
    """Whoever dies in a gate keeps nobody out for longer than his lease."""

    @pytest.mark.parametrize("point", ["lease.before_commit:2", "lane.admitted:2"])
    def test_with_tokens_in_hand(self, shop: Scenario, settings: Any, point: str) -> None:
        """What he took is lost, no letter is: the bucket fills again."""
        with_rate(shop, settings, 400)
        shop.fill_carts(*names(PEOPLE))
        shop.die(point)
        in_doubt = Message.objects.filter(state="sending").count()
        shop.recover()
        assert shop.problems(most_unknown=in_doubt) == []
        assert in_doubt <= CONCURRENCY

    @pytest.mark.parametrize("point", ["breaker.before_commit", "breaker.after_commit"])
    def test_while_he_writes_down_that_the_provider_does_not_work(self, shop: Scenario, point: str) -> None:
        shop.fill_carts("shutdown-1", *names(PEOPLE))
        shop.die(point)
        in_doubt = Message.objects.filter(state="sending").count()
        faults = sum(Lane.objects.values_list("failures", flat=True))
        assert faults == (point == "breaker.after_commit")
        shop.recover()
        assert shop.states()["shutdown-1"] == ["queued", "queued"]
        assert shop.problems(most_unknown=in_doubt, is_finished=False) == []
        assert shop.books()["waiting"] == 2
        assert in_doubt <= CONCURRENCY

    def test_while_he_tries_whether_it_works_again(self, shop: Scenario) -> None:
        """The right to try is lent: when its time is over another takes it."""
        shop.fill_carts("ann")
        turn(*range(SHARDS))
        Lane.objects.bulk_create(
            Lane(name=name, opened_at=timezone.now(), failures=5, trips=1) for name in lanes_with_work()
        )
        shop.die("lane.admitted")
        assert Lane.objects.filter(probe_until__gt=DatabaseNow()).count() == 1
        shop.recover()
        assert shop.problems() == []
        assert shop.books()["sent"] == 2
        assert not Lane.objects.filter(opened_at__isnull=False).exists()

    def test_while_what_became_worthless_is_ended(self, shop: Scenario) -> None:
        """In a lane that stands still; rolled back, it is ended by the next who looks."""
        shop.fill_carts(*names(3))
        turn(*range(SHARDS))
        Message.objects.filter(message_class="marketing").update(expires_at=F("created_at"))
        Heartbeat.objects.filter(pk="expiry").delete()
        pause_lane("email.marketing")
        shop.die("expire.before_commit")
        assert set(Message.objects.values_list("state", flat=True)) == {"queued"}
        shop.recover()
        assert shop.problems() == []
        assert shop.books()["skipped"] == 3

    def test_between_the_end_of_a_doubt_and_the_second_try(self, shop: Scenario) -> None:
        shop.fill_carts(*names(PEOPLE))
        shop.die("send.after_call:2")
        in_doubt = Message.objects.filter(state="sending").count()
        pass_time()
        find_work()
        pass_time()
        shop.die("unknown.queued_again")
        assert Message.objects.filter(state="queued", resends=1, unknown_since__isnull=False).exists()
        shop.recover()
        assert shop.problems(most_unknown=in_doubt) == []


@pytest.mark.fault("F12")
@API_ONLY
class TestShared:
    """What one sender learns or takes counts for all of them."""

    def test_four_senders_take_no_more_than_the_rate_gives(self, shop: Scenario, settings: Any) -> None:
        """A bucket that holds one letter and gets no other for a year gives one, however many ask."""
        with_rate(shop, settings, 0.5)
        shop.fill_carts(*names(PEOPLE))
        turn(*range(SHARDS))
        later = timezone.now() + timedelta(days=365)
        Lane.objects.bulk_create(Lane(name=name, tokens=1, filled_at=later) for name in lanes_with_work())
        workers = [shop.start("triggers_run", "--once") for _ in range(4)]
        for worker in workers:
            output, _ = worker.communicate(timeout=120)
            assert worker.returncode == 0, output
        sent = Message.objects.filter(state="accepted").order_by("lane")
        assert list(sent.values_list("lane", flat=True)) == ["email.marketing", "email.transactional"]
        Lane.objects.update(filled_at=None)
        with_rate(shop, settings, 1000)
        shop.recover()
        assert shop.problems() == []

    def test_too_many_holds_the_whole_lane_for_as_long_as_was_asked(self, shop: Scenario) -> None:
        """Another process knows it too, and asks the provider nothing meanwhile."""
        shop.fill_carts("429-1", "ann")
        run_due()
        assert isinstance(shop.provider, ESP)
        for lane in Lane.objects.with_clock():
            assert lane.closed_until is not None
            assert timedelta(0) < lane.closed_until - lane.now <= timedelta(seconds=7)
            assert (lane.opened_at, lane.failures) == (None, 0)
        shop.fill_carts("bob")
        Lane.objects.update(closed_until=timezone.now() + timedelta(hours=1))
        shop.work()
        assert shop.provider.seen["bob@example.com"] == 0
        assert shop.states()["bob"] == ["queued", "queued"]
        shop.recover()
        assert shop.states()["bob"] == ["accepted", "accepted"]
        assert shop.problems(is_finished=False) == []


@pytest.mark.fault("F26")
def test_a_revoked_login_opens_the_breaker_and_uses_nothing_up(shop: Scenario, settings: Any) -> None:
    """After some letters the provider is left alone; none is marked as sent, failed or tried in vain, no address blamed."""
    account = shop.provider.account()
    shop.configure(settings, EMAIL_ACCOUNTS={"default": revoked(shop)})
    people = names(3 * CONCURRENCY)
    shop.fill_carts(*people)
    run_due()
    for lane in Lane.objects.with_clock():
        assert lane.opened_at is not None
        assert lane.is_closed
        assert lane.detail
    assert set(Message.objects.values_list("state", flat=True)) == {"queued"}
    assert lanes_with_work() == []
    # The others have not been tried at all: one claim or two told enough.
    assert Message.objects.filter(attempt=0).exists()
    shop.configure(settings, EMAIL_ACCOUNTS={"default": account})
    shop.recover()
    assert shop.problems() == []
    assert shop.books()["sent"] == 2 * len(people)
    assert not Lane.objects.filter(opened_at__isnull=False).exists()


@pytest.mark.fault("F26")
def test_managers_are_told_of_it_once(shop: Scenario, settings: Any) -> None:
    """One mail for the account, around the account; who is killed over it leaves the lanes as they are."""
    settings.MANAGERS = [("Boss", "boss@shop.test")]
    account = shop.provider.account()
    shop.configure(settings, EMAIL_ACCOUNTS={"default": revoked(shop)})
    shop.fill_carts(*names(PEOPLE))
    run_due()
    assert Lane.objects.filter(is_own_fault=True, is_told=False).count() == 2
    look_after()
    look_after()
    # Django's own backend carried it; the revoked one would be the last to be asked.
    (letter,) = mail.outbox
    assert "email.marketing" in letter.subject
    assert "email.transactional" in letter.subject
    Lane.objects.update(is_told=False)
    shop.die("watch.lanes_marked")
    assert set(Lane.objects.values_list("is_told", flat=True)) == {True}
    shop.configure(settings, EMAIL_ACCOUNTS={"default": account})
    shop.recover()
    assert shop.problems() == []
    assert not Lane.objects.filter(is_own_fault=True).exists()


def forgive(shop: Scenario) -> None:
    """The slow server takes letters from here on."""
    assert isinstance(shop.provider, SMTPSink)
    shop.provider.forgive("tempfail")


@pytest.mark.fault("F9")
@SMTP_ONLY
class TestSlowDomain:
    """A mail server defers letter after letter; the rest of the world takes its own."""

    def customers(self, shop: Scenario) -> None:
        for name in names(3 * CONCURRENCY, "tempfail"):
            shop.at(name, "slow.example")
        for name in names(PEOPLE):
            shop.at(name, "fast.example")

    def test_the_others_go_on_and_nothing_is_used_up(self, shop: Scenario) -> None:
        self.customers(shop)
        run_due()
        fast = Message.objects.filter(contact__email__endswith="@fast.example")
        assert set(fast.values_list("state", flat=True)) == {"accepted"}
        slow = Message.objects.filter(contact__email__endswith="@slow.example")
        assert set(slow.values_list("state", flat=True)) == {"queued"}
        # Half of them and more were never tried: they wait with their reason, and no attempt is gone.
        waiting = slow.filter(attempt=0)
        assert waiting.count() >= slow.count() / 2
        for one in waiting:
            assert say(one.reason, one.reason_data).endswith(": slow.example does not take letters now")
        assert not Lane.objects.filter(opened_at__isnull=False).exists()
        assert set(Lane.objects.values_list("failures", flat=True)) == {0}
        forgive(shop)
        for _round in range(slow.count()):
            shop.recover()
            if not Message.objects.filter(state="queued").exists():
                break
        assert shop.problems() == []
        assert not SlowDomain.objects.exists()
        assert not Lane.objects.filter(has_slow_domains=True).exists()

    @pytest.mark.parametrize("point", ["domain.before_commit:3", "domain.forgotten"])
    def test_whoever_notes_it_may_be_killed(self, shop: Scenario, point: str) -> None:
        self.customers(shop)
        if point == "domain.forgotten":
            run_due()
            forgive(shop)
            pass_time()
        shop.die(point)
        in_doubt = Message.objects.filter(state="sending").count()
        forgive(shop)
        for _round in range(3 * CONCURRENCY):
            shop.recover()
        assert shop.problems(most_unknown=in_doubt) == []
        assert in_doubt <= CONCURRENCY


@pytest.mark.fault("F10")
@SMTP_ONLY
def test_a_refusal_of_our_domain_closes_the_lane_at_once_and_blames_nobody(shop: Scenario) -> None:
    shop.fill_carts("policy-1", *names(PEOPLE))
    run_due()
    assert Lane.objects.filter(opened_at__isnull=False).count() == 2
    assert shop.states()["policy-1"] == ["queued", "queued"]
    assert shop.books()["failed"] == shop.books()["skipped"] == 0


@pytest.mark.fault("F12")
@SMTP_ONLY
def test_a_lane_that_a_person_stopped_loses_nothing(shop: Scenario) -> None:
    pause_lane("email.marketing")
    shop.fill_carts("ann")
    shop.work()
    assert shop.states()["ann"] == ["queued", "accepted"]
    resume_lane("email.marketing")
    shop.work()
    assert shop.problems() == []
