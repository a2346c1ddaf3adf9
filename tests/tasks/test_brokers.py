"""Worker and beat as real processes on real brokers: an event becomes letters, the broker may be emptied."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from uuid import uuid4

import pytest
from django.core.management import call_command
from kombu import Connection

import triggers
from tests.build import live_chain, make_contact, make_template
from tests.processes import ROOT, wait_for
from triggers.models import Heartbeat, Journey, Message

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def queue() -> str:
    """A queue of this test's own."""
    return f"triggers-test-{uuid4().hex}"


@pytest.fixture
def worker(
    broker_url: str, queue: str, child_environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A worker with beat on this broker, working on this test's database."""
    call_command("triggers_beat", verbosity=0)
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "demo_shop",
        "worker",
        "-B",
        "--concurrency",
        "2",
        "-l",
        "warning",
    ]
    environment = child_environment | {"TRIGGERS_TEST_BROKER_URL": broker_url, "TRIGGERS_TEST_QUEUE": queue}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    yield process
    # Killed with its children, not asked to stop: how long Celery takes for its farewells is not our matter, and the
    # engine must not need them.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_a_worker_takes_an_event_to_a_letter_and_to_the_end(worker: subprocess.Popen[bytes]) -> None:
    make_template()
    live_chain([("letter", "send_email", {"template": "reminder"}), ("bye", "exit", {})])
    for number in range(10):
        triggers.capture("add_to_cart", contact=make_contact(number))
    wait_for(lambda: Message.objects.filter(state="accepted").count() == 10, "the letters were not sent", 90)
    assert Journey.objects.filter(status="exited").count() == 10
    assert worker.poll() is None


def test_an_emptied_broker_costs_a_tick_and_nothing_else(
    worker: subprocess.Popen[bytes], broker_url: str, queue: str
) -> None:
    wait_for(lambda: Heartbeat.objects.filter(pk="tick").exists(), "beat does not tick", 90)
    live_chain([("bye", "exit", {})])
    for number in range(20):
        triggers.capture("add_to_cart", contact=f"person{number}@example.com")
        if number % 5 == 0:
            _empty(broker_url, queue)
    wait_for(lambda: Journey.objects.filter(status="exited").count() == 20, "somebody was forgotten", 90)


def _empty(broker_url: str, queue: str) -> None:
    """Throw away everything in the worker's queue."""
    with Connection(broker_url) as connection:
        connection.default_channel.queue_purge(queue)
