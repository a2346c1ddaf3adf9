"""The soak for some seconds, so that the long one works when it is wanted; and its verdict on books that do not balance."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.faults.checker import Belief
from tests.faults.deliveries import DeliveryLog
from tests.faults.soak import conclude, read_diary
from tests.processes import ROOT

MINUTES = "0.2"


@pytest.mark.parametrize("via", ["smtp", pytest.param("api", marks=pytest.mark.long)])
@pytest.mark.skipif(shutil.which("initdb") is None, reason="no initdb on PATH")
@pytest.mark.skipif(shutil.which("redis-server") is None, reason="no redis-server on PATH")
def test_a_short_soak_balances(redis_url: str, via: str) -> None:
    """It needs no server of the suite's: it starts its own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TRIGGERS_TEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.soak", MINUTES, "--seed", "7", "--via", via],
        cwd=ROOT,
        env=inherited,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "the books balance"


def test_the_diary_says_who_knows_what() -> None:
    diary = "try a@example.com\ntold a@example.com\ntry b@example.com\nrefused b@example.com\ntry c@example.com\ntry d@exa"
    letters = ("reminder", "thanks")
    assert read_diary(diary) == [
        Belief("add_to_cart", "a@example.com", True, letters),
        Belief("add_to_cart", "b@example.com", False, letters),
        Belief("add_to_cart", "c@example.com", None, letters),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize(("diary", "status"), [("", 0), ("try a@example.com\ntold a@example.com\n", 1)])
def test_books_that_do_not_balance_are_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], diary: str, status: int
) -> None:
    """An order that was acknowledged and is nowhere."""
    path = tmp_path / "diary"
    path.write_text(diary, encoding="utf-8")
    nemesis: Any = SimpleNamespace(done=Counter({"kill -9 beat": 2}), most_unknown=0)
    assert conclude(DeliveryLog(tmp_path / "deliveries"), path, nemesis) == status
    assert ("failed: 0 events add_to_cart of a@example.com" in capsys.readouterr().out) == bool(status)
