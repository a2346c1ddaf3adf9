"""One transaction serves several shards when there is little in each; a shard that somebody holds is left out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import triggers
from tests.build import live_chain, make_contact, make_template
from triggers.engine import turn as engine
from triggers.engine.advance import fire_due
from triggers.engine.shards import try_lock
from triggers.engine.turn import turn
from triggers.models import Journey, Message, PendingEvent
from triggers.testing import database_clock

pytestmark = pytest.mark.django_db

SHARDS = (1, 2, 3)
CHAIN = [
    ("wait", "wait", {"amount": 1, "unit": "hours"}),
    ("tag", "change_contact", {"add_tags": ["seen"]}),
    ("letter", "send_email", {"template": "reminder"}),
]


@pytest.fixture
def waiting() -> None:
    """Two contacts in each shard, whose journeys wait for an hour."""
    make_template()
    live_chain(CHAIN)
    for shard in SHARDS:
        for number in (1, 2):
            triggers.capture("add_to_cart", contact=make_contact(shard * 10 + number, pk=number * 64 + shard))
    assert turn(*SHARDS).steps == 6


def an_hour_later() -> Any:
    return database_clock(timezone.now() + timedelta(hours=2))


def writes(queries: Sequence[dict[str, str]]) -> int:
    return sum(query["sql"].startswith("INSERT") and "triggers_message" in query["sql"] for query in queries)


def test_little_in_each_shard_is_one_set_of_statements(waiting: None) -> None:
    with an_hour_later(), CaptureQueriesContext(connection) as queries:
        result = turn(*SHARDS)
    # Moved twice: what follows a change of the contact is decided with fresh facts.
    assert (result.steps, result.is_done) == (12, True)
    assert writes(queries.captured_queries) == 1
    assert Message.objects.count() == 6
    assert not Journey.objects.exclude(status="finished").exists()


@pytest.mark.parametrize("batch", [1, 2, 3, 5])
def test_a_batch_never_takes_more_than_it_may(waiting: None, settings: Any, batch: int) -> None:
    settings.TRIGGERS = {**settings.TRIGGERS, "TURN_BATCH": batch}
    taken: list[int] = []

    def count(rows: Any, now: Any) -> set[int]:
        taken.append(len(rows))
        return fire_due(rows, now)

    with an_hour_later(), patch.object(engine, "fire_due", count):
        assert turn(*SHARDS).is_done
    assert max(taken) <= batch
    assert Message.objects.count() == 6


def test_a_busy_shard_is_left_to_its_worker(waiting: None) -> None:
    def lock(shards: Sequence[int]) -> Any:
        return try_lock(shard for shard in shards if shard != 2)

    with an_hour_later():
        with patch.object(engine, "try_lock", lock):
            result = turn(*SHARDS)
        assert (result.is_busy, result.is_done) == (True, False)
        assert set(Journey.objects.filter(status="active").values_list("shard", flat=True)) == {2}
        assert turn(2).is_done
    assert Message.objects.count() == 6


def test_no_shard_is_no_work() -> None:
    assert turn().is_done
    assert not PendingEvent.objects.exists()
