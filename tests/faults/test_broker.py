"""Celery's workers are killed, its broker is emptied, full, silent or gone: a bell that is lost costs a look, not a letter."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.bells import Bells
from tests.faults.conftest import SMTP_FIRST
from tests.faults.proxy import proxy
from tests.faults.scenario import CONCURRENCY, Scenario, names
from tests.processes import wait_for
from triggers.crashpoints import EXIT_STATUS
from triggers.models import SHARDS, Event, Lane

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 8
LANES = ("email.transactional", "email.marketing")


@pytest.fixture
def bells(broker_url: str, shop: Scenario) -> Bells:
    return Bells(broker_url, shop)


@pytest.mark.fault("F4")
@SMTP_FIRST
@pytest.mark.parametrize("point", ["tick.before_bells", "task.before_bells", "task.before_ack"])
def test_killed_between_the_work_and_its_acknowledgement(bells: Bells, point: str) -> None:
    """The database has it or has it not; the broker's opinion does not matter."""
    shop = bells.shop
    shop.fill_carts(*names(PEOPLE))
    with bells.worker("-P", "solo", at=point) as worker:
        bells.ring("tick")
        wait_for(lambda: worker.poll() is not None, "it was not killed", 90)
        assert worker.returncode == EXIT_STATUS
    shop.recover()
    assert shop.problems() == []
    assert shop.books()["sent"] == 2 * PEOPLE


@pytest.mark.fault("F6")
@SMTP_FIRST
def test_the_same_bells_ten_times_to_two_workers(bells: Bells) -> None:
    shop = bells.shop
    shop.fill_carts(*names(PEOPLE))
    for _time in range(10):
        bells.ring("turn", list(range(SHARDS)))
        for lane in LANES:
            bells.ring("deliver", lane)
    with bells.worker("--concurrency", "2"), bells.worker("--concurrency", "2"):
        bells.wait_until_sent(2 * PEOPLE)
    shop.recover()
    assert shop.problems(most_unknown=0) == []


@pytest.mark.fault("F19")
@SMTP_FIRST
def test_bells_that_another_release_rang(bells: Bells) -> None:
    """Numbers that were lists, arguments and lanes that are gone, a task that is: each is worth nothing and harms nobody."""
    shop = bells.shop
    shop.fill_carts(*names(PEOPLE))
    with bells.worker("-P", "solo") as worker:
        turns: list[tuple[object, ...]] = [(5,), ([],), (["five"],), ([SHARDS + 1],), (None,), (), ([1], 2)]
        for arguments in turns:
            bells.ring("turn", *arguments)
        lanes: list[tuple[object, ...]] = [("email.newsletter",), ("pigeon.marketing",), ("",), (7,), ()]
        for arguments in lanes:
            bells.ring("deliver", *arguments)
        bells.ring("sweep")
        bells.ring_until(lambda: shop.books()["sent"] == 2 * PEOPLE)
        assert worker.poll() is None
    assert set(Lane.objects.values_list("name", flat=True)) == set(LANES)
    shop.recover()
    assert shop.problems() == []


@pytest.mark.fault("F14")
@SMTP_FIRST
def test_two_beats(bells: Bells, beat: None) -> None:
    shop = bells.shop
    shop.fill_carts(*names(PEOPLE))
    with bells.worker("-B", "--concurrency", "1"), bells.worker("-B", "--concurrency", "1"):
        bells.wait_until_sent(2 * PEOPLE)
    shop.recover()
    assert shop.problems() == []


@pytest.mark.fault("F5")
@pytest.mark.parametrize(
    "how",
    ["killed", *(pytest.param(how, marks=pytest.mark.long) for how in ("time limit", "one task each"))],
)
@SMTP_FIRST
def test_a_child_that_dies(redis_url: str, shop: Scenario, how: str) -> None:
    """As the kernel does when memory is short, and as Celery's limits do; the worker goes on with a new child."""
    bells = Bells(redis_url, shop)
    options = {
        "killed": [],
        "time limit": ["--time-limit", "1"],
        "one task each": ["--max-tasks-per-child", "1"],
    }
    in_doubt = {"killed": CONCURRENCY, "time limit": 2 * CONCURRENCY, "one task each": 0}[how]
    shop.fill_carts(*names(PEOPLE), *(["silent-1"] if how == "time limit" else []))
    with bells.worker("--concurrency", "1", *options[how]) as worker:
        if how == "killed":
            shop.provider.on_stage = _kill_once(lambda: _children(worker.pid))
        bells.ring_until(lambda: shop.books()["sent"] >= 2 * len(shop.told) - in_doubt)
    shop.recover()
    assert shop.problems(most_unknown=in_doubt) == []


@pytest.mark.fault("F3", "F1")
@SMTP_FIRST
@pytest.mark.parametrize("state", ["closed", "silent"])
def test_the_shop_never_speaks_to_the_broker(redis_url: str, shop: Scenario, state: str) -> None:
    """A broker that is down or half-open cannot hold up a request that never asks it."""
    port = int(redis_url.rsplit(":", 1)[1].partition("/")[0])
    with proxy("127.0.0.1", port) as wire:
        wire.silence()
        if state == "closed":
            wire.close()
        shop.environment = {
            **shop.environment,
            "TRIGGERS_TEST_BROKER_URL": f"redis://127.0.0.1:{wire.port}/15",
        }
        shop.customer("ann")
        assert shop.deed("order", "ann@example.com").returncode == 0
        assert wire.accepted == 0
    assert Event.objects.filter(name="add_to_cart").count() == 1
    shop.believe("ann", True)
    shop.recover()
    assert shop.problems() == []


def _kill_once(victims: Callable[[], list[int]]) -> Callable[[str, str], None]:
    done: list[int] = []

    def on_stage(stage: str, to: str) -> None:
        if stage == "taken" and not done:
            done.extend(victims())
            for pid in done:
                os.kill(pid, signal.SIGKILL)

    return on_stage


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
