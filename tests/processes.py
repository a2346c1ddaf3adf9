"""Real processes for tests: workers that are started, watched and killed."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def manage(*arguments: str, env: Mapping[str, str]) -> subprocess.Popen[str]:
    """A management command in a process of its own."""
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


@contextmanager
def running(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """The process, killed at the end whatever happens."""
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for_output(process: subprocess.Popen[str], text: str, seconds: float = 60.0) -> None:
    """Read what the process says until it says this; the rest of the line is left unread."""
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    ends = time.monotonic() + seconds
    said = b""
    while text.encode() not in said:
        if not select.select([descriptor], [], [], max(0.0, ends - time.monotonic()))[0]:
            raise AssertionError(f"waited {seconds} s for {text!r}: {said.decode(errors='replace')}")
        some = os.read(descriptor, 65_536)
        if not some:
            raise AssertionError(f"ended without {text!r}: {said.decode(errors='replace')}")
        said += some


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    """Look again and again until it is so; a bound on hanging, not a measure of speed."""
    ends = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends:
            raise AssertionError(f"waited {seconds} s in vain: {what}")
        time.sleep(0.05)
