"""A broker's bells and the workers that hear them: real ones, in a queue of one test's own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from uuid import uuid4

from celery import Celery

from tests.faults.scenario import Scenario
from tests.processes import ROOT, wait_for
from triggers.crashpoints import VARIABLE
from triggers.models import Message


class Bells:
    """A broker with a queue of this test's own."""

    def __init__(self, url: str, shop: Scenario) -> None:
        self.url, self.queue = url, f"triggers-faults-{uuid4().hex}"
        self.shop = shop
        # A bell is forgotten after ten ticks; with a process for each task it may well take longer to be heard.
        given = json.loads(shop.environment["TRIGGERS_TEST_SETTINGS"]) | {"TICK_SECONDS": 2}
        shop.environment = {**shop.environment, "TRIGGERS_TEST_SETTINGS": json.dumps(given)}

    def ring(self, task: str, *arguments: object, times: int = 1) -> None:
        with Celery(broker=self.url, set_as_current=False) as app:
            for _time in range(times):
                app.send_task(f"triggers.{task}", arguments, queue=self.queue)

    @contextmanager
    def worker(self, *options: str, at: str = "") -> Iterator[subprocess.Popen[bytes]]:
        """A worker that listens to this queue, killed with its children at the end."""
        command = [sys.executable, "-m", "celery", "-A", "demo_shop", "worker", "-l", "error", *options]
        environment = {
            **self.shop.environment,
            "TRIGGERS_TEST_BROKER_URL": self.url,
            "TRIGGERS_TEST_QUEUE": self.queue,
            VARIABLE: at,
        }
        process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def ring_until(self, condition: Callable[[], bool]) -> None:
        """As a slow beat does: one tick, time enough for a process that begins anew with each task, another."""
        for _tick in range(30):
            self.ring("tick")
            with suppress(AssertionError):
                return wait_for(condition, "it is not so yet", 5)
        raise AssertionError("thirty ticks did not help")

    def wait_until_sent(self, count: int, seconds: float = 90) -> None:
        accepted = Message.objects.filter(state="accepted")
        wait_for(lambda: accepted.count() >= count, "the letters were not sent", seconds)
