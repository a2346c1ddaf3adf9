"""A shop whose letters go to a sink, over SMTP and over an HTTP API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.faults.deliveries import DeliveryLog
from tests.faults.esp import ESP, esp
from tests.faults.scenario import Scenario, environment_for, settings_for
from tests.faults.smtp_sink import SMTPSink, smtp_sink

Provider = SMTPSink | ESP
PROVIDERS: dict[str, Callable[[DeliveryLog], AbstractContextManager[Provider]]] = {
    "smtp": smtp_sink,
    "api": esp,
}


# For tests in which what the provider speaks matters little, and each of which takes seconds.
SMTP_FIRST = pytest.mark.parametrize(
    "provider", ["smtp", pytest.param("api", marks=pytest.mark.long)], indirect=True
)


@pytest.fixture(params=["smtp", "api"])
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Provider]:
    """The sink, once over each protocol."""
    with PROVIDERS[request.param](DeliveryLog(tmp_path / "deliveries")) as one:
        yield one


@pytest.fixture
def shop(provider: Provider, child_environment: dict[str, str], settings: Any) -> Scenario:
    """A shop with its chain, sending to the provider from this process and from those it starts."""
    return _open(Scenario(provider, environment_for(child_environment, settings_for(provider))), settings)


@pytest.fixture
def quick_shop(provider: Provider, db: None, settings: Any) -> Scenario:
    """The same for tests that start no process: everything is rolled back at their end."""
    return _open(Scenario(provider, {}), settings)


def _open(scenario: Scenario, settings: Any) -> Scenario:
    settings.TRIGGERS = {**settings.TRIGGERS, **settings_for(scenario.provider)}
    scenario.open()
    return scenario


@pytest.fixture
def beat(shop: Scenario) -> None:
    call_command("triggers_beat", verbosity=0)
