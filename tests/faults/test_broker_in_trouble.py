"""F3, F8: the broker is emptied, full, silent or gone while orders come in; when it is back, all of it is caught up with."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
import redis

from tests.faults.bells import Bells
from tests.faults.conftest import SMTP_FIRST
from tests.faults.disk import small_disk
from tests.faults.scenario import Scenario, names
from tests.faults.servers import OwnRabbit, OwnRedis
from tests.processes import wait_for
from triggers.models import Heartbeat

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 8


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
