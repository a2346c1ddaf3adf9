"""The one command, as a newcomer runs it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo_shop.lock import FolderLock, FolderTaken
from tests.processes import wait_for

ROOT = Path(__file__).resolve().parents[2]
# Seconds: a first start draws all the pictures.
PATIENCE = 90


def start(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DJANGO_SETTINGS_MODULE", "DATABASE_URL")
    }
    return subprocess.Popen(
        [sys.executable, "manage.py", "demo", *arguments],
        cwd=ROOT,
        env={**kept, "DEMO_DIR": str(folder), "PYTHONUNBUFFERED": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def processes_of(folder: Path) -> list[int]:
    """Processes that were started for this demo: they carry its folder in their environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (
                str(folder).encode() in (entry / "environ").read_bytes()
                and b"Z" not in (entry / "stat").read_bytes()
            ):
                found.append(int(entry.name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid()]


def read_until(demo: subprocess.Popen[str], words: str) -> Iterator[str]:
    deadline = time.monotonic() + PATIENCE
    assert demo.stdout
    for line in demo.stdout:
        yield line
        if words in line or time.monotonic() > deadline:
            return


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for left-over processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminated"])
def test_the_demo_starts_and_leaves_nothing_running(tmp_path: Path, number: signal.Signals) -> None:
    port = free_port()
    demo = start(tmp_path, "--port", str(port), "--wait-scale", "0.0005")
    try:
        told = "".join(read_until(demo, "Ctrl-C"))
        assert f"http://localhost:{port}/admin/" in told
        assert "lamp-and-light" in told
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as page:
            assert "1 hour passes in 1.8 seconds." in page.read().decode()
        for path in ("static/demo_shop/shop.css", "media/hero.jpg", "media/products/tl-101.jpg"):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}") as file:
                assert file.status == 200
        demo.send_signal(number)
        assert demo.wait(40) == 0
        assert processes_of(tmp_path) == []
    finally:
        demo.kill()
        for pid in processes_of(tmp_path):
            os.kill(pid, signal.SIGKILL)
        demo.communicate()


def test_a_busy_port_is_said_in_plain_words(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        demo = start(tmp_path, "--port", str(port))
        said, _nothing = demo.communicate(timeout=PATIENCE)
    assert demo.returncode == 1
    assert f"Port {port} is taken" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "arguments",
    [
        ["--port", "99999"],
        ["--port", "0"],
        ["--port", "abc"],
        ["--wait-scale", "0"],
        ["--wait-scale", "nan"],
        ["--wait-scale=-1"],
        ["--wait-scale", "abc"],
    ],
)
def test_impossible_arguments_are_refused_before_anything_is_made(
    tmp_path: Path, arguments: list[str]
) -> None:
    demo = start(tmp_path, *arguments)
    said, _nothing = demo.communicate(timeout=PATIENCE)
    assert demo.returncode == 1
    assert said.count("\n") == 1
    assert repr(arguments[-1].rpartition("=")[2]) in said
    assert not (tmp_path / "shop.sqlite3").exists()


@pytest.mark.parametrize(
    ("name", "value"), [("PORT", "abc"), ("PORT", "0"), ("WAIT_SCALE", "abc"), ("WAIT_SCALE", "2")]
)
def test_an_impossible_environment_is_said_in_one_sentence(tmp_path: Path, name: str, value: str) -> None:
    said, _nothing = start(tmp_path, **{name: value}).communicate(timeout=PATIENCE)
    assert said.startswith(f"{name} must be a ")
    assert said.endswith(f"not '{value}'.\n")
    assert said.count("\n") == 1


def test_a_folder_that_cannot_be_is_said_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said, _nothing = start(tmp_path / "file" / "folder").communicate(timeout=PATIENCE)
    assert said == f"DEMO_DIR cannot be a folder: Not a directory: {tmp_path / 'file' / 'folder'}\n"


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for left-over processes in /proc")
def test_one_folder_has_one_demo(tmp_path: Path) -> None:
    first = start(tmp_path, "--port", str(free_port()))
    try:
        assert "Ctrl-C" in "".join(read_until(first, "Ctrl-C"))
        said, _nothing = start(tmp_path, "--port", str(free_port())).communicate(timeout=PATIENCE)
        assert f"A demo is already running in {tmp_path}." in said
        assert f"or kill {first.pid}." in said
        assert "DEMO_DIR=" in said

        first.kill()
        first.wait()
        said, _nothing = start(tmp_path, "--port", str(free_port())).communicate(timeout=PATIENCE)
        assert "A demo that was killed has left programs running" in said
        assert said.count("\n") == 1
        advice = re.search(r"Stop it with: (kill -- [-\d ]+)\.", said)
        assert advice, said
        subprocess.run(["bash", "-c", advice[1]], check=True)
        wait_for(lambda: is_free(tmp_path), "the programs let go of the folder")
        assert processes_of(tmp_path) == []
    finally:
        first.kill()
        for pid in processes_of(tmp_path):
            os.kill(pid, signal.SIGKILL)
        first.communicate()


def is_free(folder: Path) -> bool:
    try:
        with FolderLock(folder):
            return True
    except FolderTaken:
        return False
