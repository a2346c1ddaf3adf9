"""F7, F8: the database goes away, in the middle and in the commit itself; is read-only, full, locked or out of connections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.db import connection

import triggers
from tests.faults.conftest import SMTP_FIRST
from tests.faults.postgres import (
    database_setting,
    failing_writes,
    kill_others,
    limited_role,
    other_session,
    stuck_commits,
    waiting_for_a_lock,
)
from tests.faults.proxy import Proxy, proxy
from tests.faults.scenario import CONCURRENCY, Scenario, names
from tests.processes import running, wait_for, wait_for_output
from tests.services import service_url
from triggers.engine.journeys import retry_failed_events
from triggers.models import Event, Journey, PendingEvent

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.only_on("postgres"),
    SMTP_FIRST,
]
PEOPLE = 10


@pytest.fixture
def session(transactional_db: None) -> Iterator[psycopg.Connection[Any]]:
    with other_session() as one:
        yield one


@pytest.fixture
def wire(shop: Scenario) -> Iterator[Proxy]:
    """A proxy to the database, through which the processes of the scenario speak."""
    parts = urlsplit(service_url("TRIGGERS_TEST_POSTGRES_URL"))
    with proxy(parts.hostname or "127.0.0.1", parts.port or 5432) as one:
        shop.environment = {
            **shop.environment,
            "TRIGGERS_TEST_POSTGRES_URL": _url(parts.netloc.rpartition("@")[0], f"127.0.0.1:{one.port}"),
        }
        yield one


def _url(login: str, host: str = "") -> str:
    """The server's address with another login, and as another host knows it."""
    parts = urlsplit(service_url("TRIGGERS_TEST_POSTGRES_URL"))
    host = host or parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{login}@{host}"))


@pytest.mark.fault("F7")
class TestCut:
    """Connections end; whoever worked over them goes on by itself."""

    @pytest.mark.parametrize("table", ["triggers_transition", "triggers_messagebody"])
    def test_in_the_commit_of_a_turn_or_a_claim(
        self, shop: Scenario, session: psycopg.Connection[Any], table: str
    ) -> None:
        """The server ends the session while it commits: nothing of it happened, all of it is done again."""
        shop.fill_carts(*names(PEOPLE))
        with running(shop.start("triggers_run")):
            with stuck_commits(session, table):
                wait_for(lambda: waiting_for_a_lock(session) > 0, "nobody came to a commit")
                assert kill_others(session) > 0
                assert shop.books()["sent"] == 0
            wait_for(lambda: shop.books()["sent"] == 2 * PEOPLE, "the worker did not go on")
        assert shop.problems() == []

    @pytest.mark.parametrize(
        ("word", "after", "most_unknown"),
        [
            (b"COMMIT", b'INSERT INTO "triggers_transition"', 0),
            (b"COMMIT", b'INSERT INTO "triggers_message"', 0),
            (b"COMMIT", b'INSERT INTO "triggers_messagebody"', CONCURRENCY),
            (b"COMMIT", b'"accepted_at" = ', 1),
        ],
        ids=["entering", "queueing", "marking", "recording"],
    )
    def test_the_answer_to_a_commit_is_lost(
        self, shop: Scenario, wire: Proxy, word: bytes, after: bytes, most_unknown: int
    ) -> None:
        """It was committed and the worker cannot know: doing it again must not do it twice."""
        shop.fill_carts(*names(PEOPLE))
        wire.lose_answer_to(word, after=after)
        with running(shop.start("triggers_run")):
            wait_for(wire.has_lost.is_set, "no answer was lost")
            wait_for(lambda: not shop.problems(most_unknown=most_unknown), "the books never balance")
        shop.recover()
        assert shop.problems(most_unknown=most_unknown) == []
        assert shop.books()["due"] == 2 * PEOPLE

    def test_the_answer_to_the_shops_own_commit_is_lost(self, shop: Scenario, wire: Proxy) -> None:
        """The shop saw an error; the order and its event are there together, and count once."""
        shop.customer("ann")
        wire.lose_answer_to(b"COMMIT", after=b'INSERT INTO "triggers_pendingevent"')
        assert shop.deed("order", "ann@example.com").returncode != 0
        assert wire.has_lost.is_set()
        shop.believe("ann", None)
        shop.recover()
        assert shop.problems() == []
        assert shop.books()["sent"] == 2

    def test_every_connection_again_and_again(self, shop: Scenario, session: psycopg.Connection[Any]) -> None:
        """As when the server restarts: at whatever the workers were, nothing is lost and nothing repeated."""
        shop.fill_carts(*names(PEOPLE))
        kills = 0
        with running(shop.start("triggers_run")), running(shop.start("triggers_run")):
            wait_for(Journey.objects.exists, "nobody entered")
            while not _is_settled(shop) and kills < 20:
                kills += kill_others(session) > 0
                wait_for(lambda: _is_settled(shop) or _workers(session) > 1, "the workers did not come back")
            wait_for(lambda: _is_settled(shop), "the workers did not finish")
        shop.recover()
        assert shop.problems(most_unknown=2 * CONCURRENCY * kills) == []


@pytest.mark.fault("F7")
class TestRefusals:
    """The server is there and says no."""

    def test_no_connection_is_left(self, shop: Scenario, session: psycopg.Connection[Any]) -> None:
        """`too many connections`: the workers wait; the shop's page stands, without its event."""
        shop.fill_carts(*names(PEOPLE))
        with limited_role(session) as (role, password), other_session(user=role, password=password):
            shop.environment = {**shop.environment, "TRIGGERS_TEST_POSTGRES_URL": _url(f"{role}:{password}")}
            with running(shop.start("triggers_run")) as worker:
                wait_for_output(worker, "too many connections")
                session.execute(f"ALTER ROLE {role} CONNECTION LIMIT -1")
                wait_for(lambda: shop.books()["sent"] == 2 * PEOPLE, "the worker did not come in")
        assert shop.problems() == []

    def test_read_only(self, shop: Scenario, session: psycopg.Connection[Any]) -> None:
        """A failed-over server that may not be written to: no letter leaves, because none could be marked."""
        shop.fill_carts(*names(PEOPLE))
        with database_setting(session, "default_transaction_read_only", "on"):
            process = shop.start("triggers_run", "--once")
            output, _ = process.communicate(timeout=60)
            assert "read-only" in output
            assert process.returncode != 0
            assert shop.deed("order", "ann@example.com").returncode != 0
        assert shop.provider.log.read() == []
        shop.recover()
        assert shop.problems() == []
        assert shop.books()["sent"] == 2 * PEOPLE

    def test_capture_on_a_read_only_database_costs_the_shop_nothing(self, shop: Scenario) -> None:
        contact = shop.customer("ann")
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = on")
            assert triggers.capture("add_to_cart", contact=contact) is None
            cursor.execute("SET default_transaction_read_only = off")
        assert not Event.objects.filter(name="add_to_cart").exists()

    def test_a_lock_that_takes_too_long_blames_nobody(
        self, shop: Scenario, session: psycopg.Connection[Any]
    ) -> None:
        """A migration holds a table longer than `lock_timeout`. Events used to be set aside for it, one and all."""
        shop.fill_carts(*names(PEOPLE))
        with database_setting(session, "lock_timeout", "20ms"), running(shop.start("triggers_run")) as worker:
            with session.transaction():
                session.execute("LOCK TABLE triggers_journey IN SHARE MODE")
                wait_for_output(worker, "lock timeout")
            wait_for(lambda: shop.books()["sent"] == 2 * PEOPLE, "the worker did not go on")
        assert not PendingEvent.objects.exists()
        assert shop.problems() == []

    def test_a_statement_timeout_loses_nothing(
        self, shop: Scenario, session: psycopg.Connection[Any]
    ) -> None:
        """It may be the row's own fault, so the row is set aside where a person sees it; replayed, all is well."""
        shop.fill_carts(*names(3))
        with (
            database_setting(session, "statement_timeout", "100ms"),
            running(shop.start("triggers_run")),
            session.transaction(),
        ):
            session.execute("LOCK TABLE triggers_transition IN ACCESS EXCLUSIVE MODE")
            aside = PendingEvent.objects.filter(is_set_aside=True)
            wait_for(lambda: aside.count() == 3, "nothing was set aside")
        assert retry_failed_events(PendingEvent.objects.values_list("pk", flat=True)) == 3
        shop.recover()
        assert shop.problems() == []

    def test_a_deadlock_with_the_shop(self, shop: Scenario, session: psycopg.Connection[Any]) -> None:
        """The engine is the victim: its batch is rolled back and done again, whoever was in it."""
        shop.fill_carts(*names(PEOPLE))
        # A server looks for a deadlock once, this long after a wait began: the worker's wait began first, so it is the victim.
        session.execute("SET deadlock_timeout = '1min'")
        with (
            database_setting(session, "deadlock_timeout", "2s"),
            running(shop.start("triggers_run")) as worker,
        ):
            with session.transaction():
                session.execute("LOCK TABLE triggers_journey IN SHARE MODE")
                wait_for(lambda: waiting_for_a_lock(session) > 0, "the worker waits for nothing")
                # The shards' rows are in the worker's hands, and it waits for our table: one of the two must yield.
                session.execute("SELECT 1 FROM triggers_shard ORDER BY id FOR UPDATE")
            wait_for_output(worker, "deadlock detected")
            wait_for(lambda: shop.books()["sent"] == 2 * PEOPLE, "the worker did not go on")
        assert shop.problems() == []


@pytest.mark.fault("F8")
class TestFull:
    """The disk is full: sending stops before the provider is called, and nobody is blamed."""

    @pytest.mark.parametrize("table", ["triggers_journey", "triggers_message", "triggers_messagebody"])
    def test_nothing_leaves_that_could_not_be_written_down(
        self, shop: Scenario, session: psycopg.Connection[Any], table: str
    ) -> None:
        """Journeys used to be failed, and events set aside, for a disk that was full."""
        shop.fill_carts(*names(PEOPLE))
        with failing_writes(session, table, "53100"), running(shop.start("triggers_run")) as worker:
            wait_for_output(worker, "database did not answer")
            assert shop.provider.log.read() == []
        assert not Journey.objects.filter(status="failed").exists()
        shop.recover()
        assert shop.problems() == []
        assert shop.books()["sent"] == 2 * PEOPLE


def _is_settled(shop: Scenario) -> bool:
    """Whether nothing is left to do but to wait for leases."""
    books = shop.books()
    return books["waiting"] == 0 and sum(books.values()) == 2 * books["due"]


def _workers(session: psycopg.Connection[Any]) -> int:
    found = session.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
    ).fetchone()
    return int(found[0]) - 2 if found else 0
