"""A deploy makes no letter `unknown`: a process that is asked to stop finishes what it holds, and takes nothing more."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.core.management import call_command

from tests.delivery.conftest import AnyPort, QueueMessage, Sink
from tests.processes import ROOT, manage, running, wait_for
from triggers.delivery.send import deliver
from triggers.drain import start_draining, stop_draining
from triggers.engine.turn import turn
from triggers.models import Message

pytestmark = pytest.mark.django_db(transaction=True)

LANE = "email.marketing"


@dataclass
class SlowSink(Sink):
    """Takes letters, but answers none until it is told to."""

    answers: threading.Event = field(default_factory=threading.Event)
    entered: int = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.entered += 1
        while not self.answers.is_set():
            await asyncio.sleep(0.01)
        return await super().handle_DATA(server, session, envelope)


@pytest.fixture
def slow_sink() -> Iterator[SlowSink]:
    sink = SlowSink()
    controller = AnyPort(sink, hostname="127.0.0.1", port=0, ready_timeout=20)
    controller.start()
    sink.port = controller.port
    yield sink
    sink.answers.set()
    controller.stop()


@pytest.fixture
def environment(child_environment: dict[str, str], slow_sink: SlowSink) -> dict[str, str]:
    own = {
        "DJANGO_SETTINGS_MODULE": "tests.delivery.smtp_settings",
        "TRIGGERS_TEST_SMTP_PORT": str(slow_sink.port),
    }
    return child_environment | own


@pytest.fixture
def draining() -> Iterator[None]:
    start_draining()
    yield
    stop_draining()


def states() -> Counter[str]:
    return Counter(Message.objects.values_list("state", flat=True))


def test_a_process_that_drains_claims_nothing(draining: None, queue_message: QueueMessage) -> None:
    queue_message()
    assert deliver(LANE).looked_at == 0
    stop_draining()
    assert deliver(LANE).looked_at == 1


def test_a_turn_that_drains_ends_after_one_transaction(
    draining: None, settings: pytest.FixtureRequest
) -> None:
    from tests.build import live_chain, make_contact
    from triggers import capture

    settings.TRIGGERS = {**settings.TRIGGERS, "TURN_BATCH": 1}  # type: ignore[attr-defined]
    live_chain([("bye", "exit", {})])
    contact = make_contact(agrees=False)
    for _time in range(3):
        capture("add_to_cart", contact=contact)
    assert turn(contact.shard).events == 1


def test_sigterm_lets_the_calls_in_flight_end_and_takes_up_no_more(
    queue_message: QueueMessage, slow_sink: SlowSink, environment: dict[str, str]
) -> None:
    for _number in range(6):
        queue_message()
    with running(manage("triggers_run", env=environment)) as worker:
        wait_for(lambda: slow_sink.entered == 2, "no letter is in flight")
        worker.terminate()
        slow_sink.answers.set()
        output, _ = worker.communicate(timeout=60)
    assert worker.returncode == 0, output
    assert states() == {"accepted": 2, "queued": 4}
    assert len(slow_sink.taken) == 2


@pytest.fixture
def celery(
    environment: dict[str, str], broker_url: str, tmp_path: Path
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A worker with beat, and the file that it writes to."""
    call_command("triggers_beat", verbosity=0)
    command = [sys.executable, "-m", "celery", "-A", "demo_shop", "worker", "-B", "--concurrency", "2"]
    own = {
        "TRIGGERS_TEST_BROKER_URL": broker_url,
        "TRIGGERS_TEST_QUEUE": f"triggers-test-{uuid4().hex}",
    }
    said = tmp_path / "said"
    with said.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment | own, stdout=out, stderr=out, start_new_session=True
        )
        yield process, said
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_so_does_the_warm_shutdown_of_a_celery_worker(
    celery: tuple[subprocess.Popen[bytes], Path], queue_message: QueueMessage, slow_sink: SlowSink
) -> None:
    worker, said = celery
    for _number in range(60):
        queue_message()
    wait_for(lambda: slow_sink.entered >= 2, "no letter is in flight", 90)
    worker.terminate()
    wait_for(lambda: b"Warm shutdown" in said.read_bytes(), "the worker does not stop")
    slow_sink.answers.set()
    assert worker.wait(timeout=60) == 0
    found = states()
    assert set(found) == {"accepted", "queued"}
    assert found["accepted"] == len(slow_sink.taken)
    assert found["queued"] > 0
