"""F8 on disks that are really full: the database's tables, its write-ahead log, Redis' own file."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client

import triggers
from tests.faults.conftest import SMTP_FIRST, Provider
from tests.faults.disk import Disk, small_disk
from tests.faults.scenario import CONCURRENCY, Scenario, environment_for, names, settings_for
from tests.faults.servers import OwnPostgres
from tests.processes import running, wait_for, wait_for_output
from triggers.models import Journey, PendingEvent
from triggers.tracking import backlog

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.only_on("postgres"),
]
DATABASE = "shop"
PEOPLE = 150


@pytest.fixture
def disk() -> Iterator[Disk]:
    with small_disk(64) as one:
        yield one


@pytest.fixture(params=["tables", "log"])
def server(request: pytest.FixtureRequest, disk: Disk) -> Iterator[OwnPostgres]:
    """A PostgreSQL server whose tables, or whose write-ahead log, are on the small disk; with a database for the shop."""
    part = disk.folder / "postgres"
    with tempfile.TemporaryDirectory(prefix="triggers-server-") as folder:
        one = OwnPostgres(Path(folder), log=part if request.param == "log" else None)
        one.start()
        try:
            with one.connect() as session:
                if request.param == "tables":
                    one.give(part)
                    session.execute(f"CREATE TABLESPACE small LOCATION '{part}'")
                where = "TABLESPACE small" if request.param == "tables" else ""
                session.execute(f"CREATE DATABASE {DATABASE} {where}")
            yield one
        finally:
            one.close()


@contextmanager
def working_on(server: OwnPostgres) -> Iterator[None]:
    """Within it, this process's tables are those of the other server."""
    usual = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(
        HOST="127.0.0.1", PORT=server.port, USER="postgres", PASSWORD="", NAME=DATABASE, OPTIONS={}
    )
    try:
        call_command("migrate", verbosity=0)
        yield
    finally:
        connection.close()
        connection.settings_dict.update(usual)


@pytest.fixture
def shop(
    server: OwnPostgres, provider: Provider, child_environment: dict[str, str], settings: Any
) -> Iterator[Scenario]:
    given = settings_for(provider)
    settings.TRIGGERS = {**settings.TRIGGERS, **given}
    environment = environment_for(child_environment, given) | {
        "TRIGGERS_TEST_POSTGRES_URL": server.url,
        "TRIGGERS_TEST_DB_NAME": DATABASE,
    }
    with working_on(server):
        scenario = Scenario(provider, environment)
        scenario.open()
        yield scenario


@pytest.mark.fault("F8")
@SMTP_FIRST
@pytest.mark.parametrize("server", ["tables"], indirect=True)
def test_the_disk_of_the_tables(shop: Scenario, disk: Disk) -> None:
    """Pages of the shop stand, without the events that had no room; what could not be written down does not leave."""
    people = {name: shop.customer(name) for name in names(PEOPLE)}
    shop.fill_carts("ann")
    with running(shop.start("triggers_run")) as one, running(shop.start("triggers_run")) as two:
        wait_for(lambda: shop.books()["sent"] > 0, "nothing is sent")
        disk.fill()
        for name, contact in people.items():
            shop.believe(name, triggers.capture("add_to_cart", contact=contact) is not None)
        assert {belief.is_told for belief in shop.told} == {True, False}
        assert_browsers_come_back_later()
        for worker in (one, two):
            wait_for_output(worker, "No space left on device")
        assert_written_down(shop)
        disk.free()
        wait_for(lambda: is_settled(shop), "they did not go on")
    assert_balance(shop)


@pytest.mark.fault("F8")
@SMTP_FIRST
@pytest.mark.long
@pytest.mark.parametrize("server", ["log"], indirect=True)
def test_the_disk_of_the_log(shop: Scenario, disk: Disk, server: OwnPostgres) -> None:
    """PostgreSQL ends itself. It is started again when there is room, and the workers are still there."""
    people = {name: shop.customer(name) for name in names(PEOPLE)}
    shop.fill_carts("ann")
    with running(shop.start("triggers_run")) as one, running(shop.start("triggers_run")) as two:
        wait_for(lambda: shop.books()["sent"] > 0, "nothing is sent")
        disk.fill()
        for name, contact in people.items():
            # Whose answer was lost may be in all the same.
            shop.believe(name, triggers.capture("add_to_cart", contact=contact) is not None or None)
        wait_for(lambda: not server.is_running(), "the server did not end")
        for worker in (one, two):
            wait_for_output(worker, "database did not answer")
        connection.close()
        disk.free()
        server.start()
        assert_written_down(shop)
        wait_for(lambda: is_settled(shop), "they did not go on")
    assert_balance(shop)


def assert_browsers_come_back_later() -> None:
    backlog.forget()
    parcel = json.dumps({"id": uuid4().hex, "events": [{"name": "page_view"}]})
    answer = Client().post("/triggers/collect/", parcel, content_type="text/plain")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")


def assert_written_down(shop: Scenario) -> None:
    """Nothing is out in the world of which no row says that it may be."""
    received = len(shop.provider.log.read())
    books = shop.books()
    assert received <= books["sent"] + books["unknown"]


def is_settled(shop: Scenario) -> bool:
    return shop.books()["waiting"] == 0 and not PendingEvent.objects.exists()


def assert_balance(shop: Scenario) -> None:
    shop.recover()
    assert shop.problems(most_unknown=2 * CONCURRENCY) == []
    assert not Journey.objects.filter(status="failed").exists()
