"""What every test gets: no outside network, one Hypothesis profile, the servers that were found, derived markers."""

from __future__ import annotations

import os
from collections.abc import Iterator

import hypothesis
import pytest
from django.test import TransactionTestCase
from django.utils import translation

from tests.loopback import forbid_the_world
from tests.services import FINDERS, found

forbid_the_world()

# The same examples every time and on every machine; nothing is remembered between runs.
hypothesis.settings.register_profile("suite", derandomize=True, max_examples=50, deadline=None, database=None)
hypothesis.settings.load_profile("suite")

DATABASE_FIXTURES = {"db", "transactional_db", "live_server"}
SERVICE_FIXTURES = {"redis_url": "redis", "rabbitmq_url": "rabbitmq", "chromium_path": "chromium"}
BROKER_FIXTURES = {"redis_url", "rabbitmq_url", "broker_url"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests by what they use, before `-m` looks at the marks; drop those written for another database."""
    database = os.environ.get("TRIGGERS_TEST_DB", "sqlite")
    config.hook.pytest_deselected(items=[item for item in items if not _is_wanted(item, database)])
    items[:] = [item for item in items if _is_wanted(item, database)]
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if _concerns_a_database(item, fixtures):
            item.add_marker(pytest.mark.database)
        if fixtures & BROKER_FIXTURES:
            item.add_marker(pytest.mark.broker)
        if "chromium_path" in fixtures:
            item.add_marker(pytest.mark.browser)
        # The runner reads these from the report, to say which servers the suite really used.
        item.user_properties += [
            ("service", SERVICE_FIXTURES[name]) for name in sorted(fixtures & set(SERVICE_FIXTURES))
        ]


def _is_wanted(item: pytest.Item, database: str) -> bool:
    marker = item.get_closest_marker("only_on")
    is_too_long = item.get_closest_marker("long") and not os.environ.get("TRIGGERS_LONG")
    return not is_too_long and (marker is None or database in marker.args)


def _concerns_a_database(item: pytest.Item, fixtures: set[str]) -> bool:
    owner = getattr(item, "cls", None)
    return bool(
        item.get_closest_marker("django_db")
        or fixtures & DATABASE_FIXTURES
        or (isinstance(owner, type) and issubclass(owner, TransactionTestCase))
    )


@pytest.fixture(autouse=True)
def _language_of_the_process() -> Iterator[None]:
    """A test that switches the language leaves it as it was."""
    with translation.override(translation.get_language()):
        yield


@pytest.fixture(autouse=True)
def _nothing_seen() -> None:
    """What a process remembers of an earlier test's journeys and source rules says nothing about this one's."""
    # Here, because Django is not set up yet when this module is read.
    from triggers.engine import marks
    from triggers.sources import rules

    marks.forget()
    rules.forget()


def _address(key: str) -> str:
    service = found(key)
    if not service.is_usable:
        pytest.skip(str(service))
    return service.address


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Path of a Chromium that starts; skips without one."""
    return _address("chromium")


@pytest.fixture(scope="session")
def redis_url() -> str:
    return _address("redis")


@pytest.fixture(scope="session")
def rabbitmq_url() -> str:
    return _address("rabbitmq")


@pytest.fixture(params=["redis", "rabbitmq"])
def broker_url(request: pytest.FixtureRequest) -> str:
    """Each broker in turn. Queues on it are shared with other runs: give yours names of their own."""
    address = _address(request.param)
    request.node.user_properties.append(("service", request.param))
    return address


@pytest.fixture
def child_environment(transactional_db: None) -> dict[str, str]:
    """Environment for a process that shall work on this test's database with this test's settings."""
    from django.db import connection

    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "TRIGGERS_TEST_DB_NAME": str(connection.settings_dict["NAME"]),
    }


def pytest_report_header(config: pytest.Config) -> str:
    name = FINDERS[os.environ.get("TRIGGERS_TEST_DB", "sqlite")][0]
    return f"database: {name}"
