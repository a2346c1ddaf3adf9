"""Celery's workers are killed, its broker is emptied, full, silent or gone: a bell that is lost costs a look, not a letter."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from uuid import uuid4

import pytest
import redis
from celery import Celery
from django.core.management import call_command

from tests.faults.conftest import SMTP_FIRST
from tests.faults.disk import small_disk
from tests.faults.proxy import proxy
from tests.faults.scenario import CONCURRENCY, Scenario, names
from tests.faults.servers import OwnRabbit, OwnRedis
from tests.processes import ROOT, wait_for
from triggers.crashpoints import EXIT_STATUS, VARIABLE
from triggers.models import SHARDS, Event, Heartbeat, Lane, Message

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 8
LANES = ("email.transactional", "email.marketing")


class Bells:
    """A broker with a queue of this test's own."""

    def __init__(self, url: str, shop: Scenario) -> None:
        self.url, self.queue = url, f"triggers-faults-{uuid4().hex}"
        self.shop = shop
        # A bell is forgotten after ten ticks; with a process for each task it may well take longer to be heard.
        given = json.loads(shop.environment["TRIGGERS_TEST_SETTINGS"]) | {"TICK_SECONDS": 2}
        shop.environment = {**shop.environment, "TRIGGERS_TEST_SETTINGS": json.dumps(given)}

    def ring(self, task: str, *arguments: object, times: int = 1) -> None:
        with Celery(broker=self.url, set_as_current=False) as app:
            for _time in range(times):
                app.send_task(f"triggers.{task}", arguments, queue=self.queue)

    @contextmanager
    def worker(self, *options: str, at: str = "") -> Iterator[subprocess.Popen[bytes]]:
        """A worker that listens to this queue, killed with its children at the end."""
        command = [sys.executable, "-m", "celery", "-A", "demo_shop", "worker", "-l", "error", *options]
        environment = {
            **self.shop.environment,
            "TRIGGERS_TEST_BROKER_URL": self.url,
            "TRIGGERS_TEST_QUEUE": self.queue,
            VARIABLE: at,
        }
        process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def ring_until(self, condition: Callable[[], bool]) -> None:
        """As a slow beat does: one tick, some time to work, another."""
        for _tick in range(30):
            self.ring("tick")
            with suppress(AssertionError):
                return wait_for(condition, "it is not so yet", 2)
        raise AssertionError("thirty ticks did not help")

    def wait_until_sent(self, count: int, seconds: float = 90) -> None:
        accepted = Message.objects.filter(state="accepted")
        wait_for(lambda: accepted.count() >= count, "the letters were not sent", seconds)


@pytest.fixture
def bells(broker_url: str, shop: Scenario) -> Bells:
    return Bells(broker_url, shop)


@pytest.fixture
def beat(shop: Scenario) -> None:
    call_command("triggers_beat", verbosity=0)


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
        for arguments in ((5,), ([],), (["five"],), ([SHARDS + 1],), (None,), (), ([1], "marketing")):
            bells.ring("turn", *arguments)
        for arguments in (
            ("email.newsletter",),
            ("email.marketing.gone",),
            ("pigeon.marketing",),
            ("",),
            (7,),
            (),
        ):
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


@pytest.fixture
def own_redis(redis_url: str, tmp_path: Path) -> Iterator[OwnRedis]:
    with _redis(OwnRedis(tmp_path)) as one:
        yield one


@contextmanager
def _redis(one: OwnRedis) -> Iterator[OwnRedis]:
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server on PATH")
    one.start()
    try:
        yield one
    finally:
        one.close()


@pytest.fixture
def own_rabbit(rabbitmq_url: str) -> Iterator[OwnRabbit]:
    if shutil.which("rabbitmq-server") is None:
        pytest.skip("no rabbitmq-server on PATH")
    # Not pytest's own folder, which other users may not enter.
    with tempfile.TemporaryDirectory(prefix="triggers-rabbit-") as folder:
        one = OwnRabbit(Path(folder))
        try:
            one.start()
            yield one
        finally:
            one.close()


OwnBroker = OwnRedis | OwnRabbit
Fault = Callable[[OwnBroker], Callable[[], object]]


def empty(server: OwnBroker) -> Callable[[], object]:
    server.empty()
    return lambda: None


def fill(server: OwnBroker) -> Callable[[], object]:
    server.fill()
    return server.make_room


def freeze(server: OwnBroker) -> Callable[[], object]:
    server.freeze()
    return server.thaw


def kill(server: OwnBroker) -> Callable[[], object]:
    """Redis is gone with all it held; another one comes up in its place."""
    server.kill()
    return server.start


FAULTS = pytest.mark.parametrize("fault", [empty, fill, freeze, kill], ids=lambda fault: fault.__name__)


@pytest.mark.fault("F3")
@SMTP_FIRST
@FAULTS
def test_redis_in_trouble(shop: Scenario, beat: None, own_redis: OwnRedis, fault: Fault) -> None:
    # Celery's worker ends when Redis is out of memory, and sometimes when it is killed.
    assert_catches_up(shop, own_redis, fault, may_end=fault in (fill, kill))


@pytest.mark.fault("F3")
@pytest.mark.long
@pytest.mark.parametrize("provider", ["smtp"], indirect=True)
@FAULTS
def test_rabbitmq_in_trouble(shop: Scenario, beat: None, own_rabbit: OwnRabbit, fault: Fault) -> None:
    assert_catches_up(shop, own_rabbit, fault, may_end=fault is kill)


@pytest.mark.fault("F3", "F8")
@SMTP_FIRST
def test_redis_whose_disk_is_full(redis_url: str, shop: Scenario, beat: None) -> None:
    """It keeps a file of what it does, and takes nothing more when that cannot grow."""
    with small_disk(8) as disk, _redis(OwnRedis(disk.folder, appends=True)) as own_redis:

        def fault(server: OwnBroker) -> Callable[[], object]:
            disk.fill()
            wait_for(lambda: _is_refused(own_redis), "Redis has room for more")
            return disk.free

        assert_catches_up(shop, own_redis, fault, may_end=True)


def _is_refused(server: OwnRedis) -> bool:
    try:
        server.client.set("something", bytes(100_000))
    except redis.ResponseError as error:
        return "No space left" in str(error)
    return False


def assert_catches_up(shop: Scenario, server: OwnBroker, fault: Fault, *, may_end: bool) -> None:
    """Orders go on during the fault; when it is over, everything is caught up with, once.

    `may_end`: Celery's worker may have ended; whoever looks after processes starts another.
    """
    bells = Bells(server.url, shop)
    with bells.worker("-B", "--concurrency", "1") as worker:
        wait_for(lambda: Heartbeat.objects.filter(pk="tick").exists(), "beat does not tick", 90)
        shop.fill_carts(*names(PEOPLE, "early"))
        mend = fault(server)
        shop.fill_carts(*names(PEOPLE, "meanwhile"))
        mend()
        with bells.worker("-B", "--concurrency", "1") if may_end else nullcontext():
            bells.wait_until_sent(4 * PEOPLE)
        assert may_end or worker.poll() is None
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
