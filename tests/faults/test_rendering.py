"""Letters that cannot be made: one ends the process that makes it, one takes for ever. Nobody else waits for them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults.scenario import CONCURRENCY, Scenario, names, pass_time
from triggers.core.words import say
from triggers.delivery.crashes import MOST_CRASHES
from triggers.delivery.retry import retry_messages
from triggers.engine.turn import turn
from triggers.models import SHARDS, Message, SenderRun, Template
from triggers.testing import run_due

pytestmark = pytest.mark.parametrize("provider", ["smtp"], indirect=True)

PEOPLE = 9
# The first death, its batch's, and those of the letter alone.
MOST_DEATHS = 1 + MOST_CRASHES


def with_trouble(shop: Scenario, settings: Any, **changes: Any) -> None:
    shop.configure(settings, SHOP_ADAPTER="tests.faults.trouble.Trouble", **changes)
    Template.objects.filter(key="reminder").update(
        html='<p>{{ cart.count }}</p><a href="{{ links.unsubscribe }}">no more</a>'
    )


def work_and_die(shop: Scenario) -> bool:
    """A worker does all there is. Whether it died over it."""
    process = shop.start("triggers_run", "--once")
    output, _ = process.communicate(timeout=120)
    assert process.returncode in (0, 137), output
    return process.returncode != 0


@pytest.mark.fault("F5")
@pytest.mark.django_db(transaction=True)
class TestDeadly:
    def test_it_is_set_aside_and_the_others_leave_once(self, shop: Scenario, settings: Any) -> None:
        """It used to kill one worker after the other, and its lane stood still for ever."""
        with_trouble(shop, settings)
        shop.fill_carts(*names(2), "deadly-1", *names(PEOPLE, "other"))
        deaths = 0
        while work_and_die(shop):
            deaths += 1
            assert deaths <= MOST_DEATHS
            pass_time()
        shop.work()
        assert deaths == MOST_DEATHS
        assert shop.states()["deadly-1"] == ["failed", "accepted"]
        message = Message.objects.get(state="failed")
        assert say(message.reason, message.reason_data) == (
            "the process ended 3 times while this letter was being made"
        )
        assert shop.problems() == []
        assert shop.books()["sent"] == 2 * (PEOPLE + 3) - 1
        # A person may try it again when the cause is mended.
        Template.objects.filter(key="reminder").update(html="")
        Template.objects.filter(key="reminder").update(text="{{ links.unsubscribe }}")
        assert retry_messages([message.pk]) == 1
        shop.recover()
        shop.work()
        assert shop.states()["deadly-1"] == ["accepted", "accepted"]
        assert shop.problems() == []
        assert not SenderRun.objects.exists()

    def test_several_at_once(self, shop: Scenario, settings: Any) -> None:
        """Two of them, and two workers at a time: each is found, nobody else is blamed. Only a death that nobody foresaw
        may leave letters in doubt that were with the provider just then."""
        with_trouble(shop, settings)
        shop.fill_carts("deadly-1", *names(PEOPLE), "deadly-2")
        turn(*range(SHARDS))
        for _round in range(4 * MOST_DEATHS):
            workers = [shop.start("triggers_run", "--once") for _ in range(2)]
            for worker in workers:
                worker.communicate(timeout=120)
            if not any(worker.returncode for worker in workers) and not _is_waiting():
                break
            pass_time()
        failed = Message.objects.filter(state="failed").order_by("contact__email")
        assert [one.contact.email.partition("@")[0] for one in failed] == ["deadly-1", "deadly-2"]
        shop.recover()
        assert shop.problems(most_unknown=2 * CONCURRENCY) == []

    def test_neighbours_leave_while_suspects_wait(self, shop: Scenario, settings: Any) -> None:
        """Before its next try a suspect is in nobody's way."""
        with_trouble(shop, settings)
        shop.fill_carts("deadly-1")
        assert work_and_die(shop)
        pass_time()
        assert work_and_die(shop)
        shop.fill_carts(*names(PEOPLE))
        shop.work()
        assert shop.states()["deadly-1"][0] == "queued"
        assert {tuple(states) for name, states in shop.states().items() if name != "deadly-1"} == {
            ("accepted", "accepted")
        }

    @pytest.mark.only_on("postgres")
    @pytest.mark.parametrize(
        "point", ["crashes.before_commit", "crashes.counted", "claim.locked", "claim.before_commit"]
    )
    def test_whoever_looks_for_it_may_be_killed_as_well(
        self, shop: Scenario, settings: Any, point: str
    ) -> None:
        """Once for each letter is no reason to set one aside."""
        shop.fill_carts(*names(PEOPLE))
        shop.die("claim.locked")
        pass_time()
        shop.die(point)
        for _round in range(4):
            # Who was counted is tried alone.
            shop.recover()
        assert shop.problems() == []
        assert shop.books()["sent"] == 2 * PEOPLE


def _is_waiting() -> bool:
    return Message.objects.filter(state="queued").exists()


@pytest.mark.fault("F28")
@pytest.mark.django_db
@pytest.mark.only_on("postgres")
def test_a_letter_that_takes_too_long_fails_and_its_worker_lives(quick_shop: Scenario, settings: Any) -> None:
    """The shop's own value takes longer than a letter may: that one fails with its reason, the others leave."""
    with_trouble(quick_shop, settings, RENDER_SECONDS=2)
    quick_shop.fill_carts("slow-1", *names(CONCURRENCY))
    run_due()
    assert quick_shop.states()["slow-1"] == ["failed", "accepted"]
    message = Message.objects.get(state="failed")
    assert say(message.reason, message.reason_data) == (
        "the letter could not be made: it took longer than 2 seconds"
    )
    assert quick_shop.books()["failed"] == 1
    assert quick_shop.problems() == []
