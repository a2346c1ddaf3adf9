"""Who pauses waits for nobody, and nobody waits for who pauses."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction

from triggers.control import is_everything_paused, pause_everything, resume_everything
from triggers.engine.shards import try_lock
from triggers.models import Shard

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("postgres", "mariadb")]


def elsewhere(work: object) -> list[object]:
    """What `work` gives in a thread with a connection of its own."""
    found: list[object] = []

    def run() -> None:
        try:
            with transaction.atomic():
                found.append(work())  # type: ignore[operator]
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    assert not thread.is_alive(), "it waits"
    return found


def test_a_turn_does_not_wait_for_a_pause_that_is_not_committed() -> None:
    Shard.objects.get_or_create(pk=5)
    pause_everything()
    resume_everything()
    with transaction.atomic():
        pause_everything()
        assert elsewhere(lambda: try_lock([5])) != [None]
    assert elsewhere(lambda: try_lock([5])) == [None]


def test_a_pause_does_not_wait_for_a_turn() -> None:
    Shard.objects.get_or_create(pk=5)
    pause_everything()
    resume_everything()
    with transaction.atomic():
        assert try_lock([5])
        assert elsewhere(pause_everything) == [True]
    assert is_everything_paused()
