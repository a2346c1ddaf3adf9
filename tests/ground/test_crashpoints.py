"""A crash point does nothing, unless the environment of the process names it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.processes import ROOT
from triggers.crashpoints import EXIT_STATUS, VARIABLE

SCRIPT = """
import atexit
from triggers.crashpoints import crash_point
atexit.register(print, "a farewell")
for number in range(1, 4):
    crash_point("letter.before")
    print(number, flush=True)
"""


def run(armed: str | None) -> tuple[int, list[str]]:
    environment = os.environ | ({VARIABLE: armed} if armed is not None else {})
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    return done.returncode, done.stdout.split("\n")[:-1]


@pytest.mark.parametrize(
    "armed", [None, "", "letter", "letter.before.x", "letter.after:1", "letter.before:4"]
)
def test_what_is_not_armed_goes_on(armed: str | None) -> None:
    assert run(armed) == (0, ["1", "2", "3", "a farewell"])


@pytest.mark.parametrize(
    ("armed", "printed"), [("letter.before", []), ("letter.before:1", []), ("letter.before:3", ["1", "2"])]
)
def test_what_is_armed_ends_the_process_without_a_farewell(armed: str, printed: list[str]) -> None:
    assert run(armed) == (EXIT_STATUS, printed)


def test_a_variable_that_cannot_be_read_is_an_error_at_the_start() -> None:
    status, printed = run("letter.before:soon")
    assert (status, printed) == (1, [])
