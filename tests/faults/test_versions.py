"""A release is rolled out: workers of two versions, tasks of an older one, and a migration, all while the shop is open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import timedelta

import pytest
from django.db import connection, models

import triggers
from tests.build import draft_chain
from tests.faults.checker import Belief
from tests.faults.conftest import SMTP_FIRST
from tests.faults.scenario import Scenario, names
from tests.processes import running, wait_for
from triggers.clock import DatabaseNow
from triggers.models import Chain, Event, Journey, Message, PendingEvent, Transition

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 6
NEWER = {"TRIGGERS_TEST_NEWER": "1"}
ALWAYS = {"condition": {"kind": "always"}}
LETTER = ("letter", "send_email", {"template": "reminder"})


@pytest.fixture
def newer(shop: Scenario) -> Scenario:
    """The same shop as processes of the newer release see it."""
    return Scenario(shop.provider, {**shop.environment, **NEWER}, shop.told)


def publish_new(newer: Scenario, steps: list[tuple[object, ...]], entry_kind: str = "event") -> None:
    """A chain that only the newer release can run, started by looking at a product."""
    chain = draft_chain(steps, key="new", event="view_item")
    Chain.objects.filter(pk=chain.pk).update(entry_kind=entry_kind)
    done = newer.deed("publish", "new")
    assert done.returncode == 0, done.stderr


def look(shop: Scenario, *people: str) -> None:
    for name in people:
        assert triggers.capture("view_item", contact=shop.customer(name))
        shop.told.append(Belief("view_item", f"{name}@example.com", True, ("reminder",)))


def do_not_wait() -> None:
    """What was put off for a minute is due in a moment. In the future, so that it is not behind anybody's mark."""
    later = DatabaseNow() + timedelta(seconds=10)
    Journey.objects.filter(status="active", due_at__gt=later).update(
        due_at=DatabaseNow() + timedelta(seconds=1)
    )


@pytest.mark.fault("F19")
@pytest.mark.only_on("postgres", "mariadb")
@SMTP_FIRST
class TestTwoVersions:
    @pytest.mark.parametrize(
        "steps",
        [
            [("stamp", "stamp", {}), LETTER],
            pytest.param([("ask", "condition", ALWAYS, {"yes": [LETTER]})], marks=pytest.mark.long),
            pytest.param([LETTER, ("stamp", "stamp", {})], marks=pytest.mark.long),
        ],
        ids=["step", "condition", "after a letter"],
    )
    def test_an_old_worker_leaves_steps_it_does_not_know_to_a_new_one(
        self, shop: Scenario, newer: Scenario, steps: list[tuple[object, ...]]
    ) -> None:
        """It used to park these journeys until a person let them go."""
        publish_new(newer, steps)
        shop.fill_carts(*names(PEOPLE))
        look(shop, *names(PEOPLE, "new"))
        put_off = Transition.objects.filter(
            reason__startswith="Left to another worker", journey__chain__key="new"
        )
        with running(shop.start("triggers_run")):
            wait_for(lambda: put_off.count() == PEOPLE, "the old worker did not meet them")
            with running(newer.start("triggers_run")):
                wait_for(lambda: _all_ended("new"), "nobody went on")
                wait_for(lambda: shop.books()["sent"] == 3 * PEOPLE, "letters did not leave")
        assert not Journey.objects.filter(status__in=("paused", "failed")).exists()
        assert shop.problems() == []

    def test_an_old_worker_leaves_events_to_a_new_one_that_knows_the_entry(
        self, shop: Scenario, newer: Scenario
    ) -> None:
        """It used to match them without the new chain: whoever should have entered never did."""
        publish_new(newer, [LETTER], entry_kind="doorbell")
        look(shop, *names(PEOPLE, "new"))
        shop.work()
        assert PendingEvent.objects.filter(event__name="view_item").count() == PEOPLE
        with running(shop.start("triggers_run")), running(newer.start("triggers_run")):
            shop.fill_carts(*names(PEOPLE))
            wait_for(lambda: shop.books()["sent"] == 3 * PEOPLE, "somebody did not enter")
        assert shop.problems() == []


def _all_ended(key: str) -> bool:
    do_not_wait()
    return not Journey.objects.filter(chain__key=key, status="active").exists()


@pytest.mark.fault("F19")
@pytest.mark.only_on("postgres", "mariadb")
@SMTP_FIRST
class TestMigration:
    """`migrate` adds a column while the shop is open: its lock waits for whoever reads, and everybody else waits for it."""

    @pytest.mark.parametrize(
        "model",
        [Journey, *(pytest.param(model, marks=pytest.mark.long) for model in (Event, Message))],
        ids=lambda model: model.__name__,
    )
    def test_a_column_is_added_while_everybody_is_busy(
        self, shop: Scenario, model: type[models.Model]
    ) -> None:
        shop.fill_carts(*names(PEOPLE))
        shop.customer("ann")
        with running(shop.start("triggers_run")), running(shop.start("triggers_run")):
            wait_for(Journey.objects.exists, "the workers do nothing")
            with new_column(model) as migrate, ThreadPoolExecutor() as threads:
                with reading(model):
                    migration = threads.submit(migrate)
                    wait_for(lambda: waiting_for_a_table() >= 1, "the migration does not wait")
                    order = threads.submit(shop.deed, "order", "ann@example.com")
                    wait_for(lambda: waiting_for_a_table() >= 2, "nobody waits for the migration")
                migration.result()
                assert order.result().returncode == 0
                shop.believe("ann", True)
                wait_for(lambda: shop.books()["sent"] == 2 * (PEOPLE + 1), "the workers did not go on")
        assert shop.problems() == []


@contextmanager
def reading(model: type[models.Model]) -> Iterator[None]:
    """A report that keeps its transaction open: no column can be added as long as it lasts."""
    session = connection.copy()
    session.set_autocommit(False)
    try:
        with session.cursor() as cursor:
            cursor.execute(f"SELECT 1 FROM {model._meta.db_table}")
            yield
    finally:
        session.rollback()
        session.close()


@contextmanager
def new_column(model: type[models.Model]) -> Iterator[Callable[[], None]]:
    """What adds a column as our migrations do, for a thread of its own; the column is gone afterwards."""
    column = models.IntegerField(db_default=0)
    column.set_attributes_from_name("added_later")
    column.model = model

    def migrate() -> None:
        # Closed, because Django gives each thread a connection and takes none back.
        with closing(connection), connection.schema_editor() as editor:
            editor.add_field(model, column)

    try:
        yield migrate
    finally:
        with connection.schema_editor() as editor:
            editor.remove_field(model, column)


def waiting_for_a_table() -> int:
    """Sessions of this database that wait for a lock on a whole table."""
    found = {
        "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'relation'",
        "mysql": "SELECT count(*) FROM information_schema.processlist WHERE db = database()"
        " AND state = 'Waiting for table metadata lock'",
    }
    with connection.cursor() as cursor:
        cursor.execute(found[connection.vendor])
        return int(cursor.fetchone()[0])
