"""The engine as a shop without Celery runs it: processes of `manage.py triggers_run`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def engine(processes: int, smtp_port: int) -> Iterator[None]:
    """`triggers_run` on the run's database, its letters going to a port of this machine; stopped with the block."""
    environment = os.environ | {"TRIGGERS_BENCH_SMTP_PORT": str(smtp_port)}
    command = [sys.executable, "-m", "django", "triggers_run"]
    started = [
        subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) for _number in range(processes)
    ]
    try:
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
