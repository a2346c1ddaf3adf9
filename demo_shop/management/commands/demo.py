"""`manage.py demo`: the whole shop from one command, web server, worker and clock, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from argparse import ArgumentParser
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from demo_shop import settings
from demo_shop.accounts import ADMIN_NAME, ADMIN_PASSWORD
from demo_shop.lock import FolderLock, FolderTaken
from demo_shop.numbers import port_of, wait_scale_of

HOST = "127.0.0.1"
# Seconds that a child may take to finish what it does, and the shop to answer for the first time.
STOP_SECONDS = 15
START_SECONDS = 60
LOG_LINES_SHOWN = 20


class Command(BaseCommand):
    help = "Starts the demo shop: prepares its data, then runs web server, worker and clock until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", default=str(settings.PORT), help="port of the shop (default: 8000)")
        parser.add_argument(
            "--wait-scale",
            default=repr(settings.WAIT_SCALE),
            help="factor on every wait of a chain; 1 is real time (default: 1 hour in 3 seconds)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            port, scale = port_of(options["port"]), wait_scale_of(options["wait_scale"])
        except ValueError as error:
            raise CommandError(str(error)) from None
        try:
            with FolderLock(settings.DEMO_DIR) as lock:
                self._run_all(port, scale, lock)
        except FolderTaken as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"Stopped. The data stays in {settings.DEMO_DIR}/ for the next start.")

    def _run_all(self, port: int, scale: float, lock: FolderLock) -> None:
        _check_port(port)
        try:
            self._prepare()
        except KeyboardInterrupt:
            raise CommandError("Stopped before it was ready; the next start goes on.") from None
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": os.environ.get("DJANGO_SETTINGS_MODULE", "demo_shop.settings"),
            "PORT": str(port),
            "WAIT_SCALE": repr(scale),
            "PYTHONUNBUFFERED": "1",
        }
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda _number, _frame: stop.set())
        with ExitStack() as running:
            children = [
                running.enter_context(Child(name, arguments, environment, lock))
                for name, arguments in _programs(port)
            ]
            self._run(children, port, stop)
            self.stdout.write("\nStopping …")

    def _prepare(self) -> None:
        self.stdout.write("Preparing the shop …")
        call_command("migrate", verbosity=0)
        call_command("seed_demo", stdout=self.stdout)
        call_command("triggers_beat", stdout=self.stdout)

    def _run(self, children: list[Child], port: int, stop: threading.Event) -> None:
        deadline = time.monotonic() + START_SECONDS
        is_open = False
        while not stop.wait(0.3):
            for child in children:
                if child.has_ended:
                    raise CommandError(child.last_words())
            if not is_open and _answers(port):
                is_open = True
                self._say_where(port)
            if not is_open and time.monotonic() > deadline:
                raise CommandError(f"The shop does not answer on port {port}.")

    def _say_where(self, port: int) -> None:
        address = f"http://localhost:{port}"
        self.stdout.write(
            f"\n  The shop     {address}/\n"
            f"  Its mailbox  {address}/mailbox/\n"
            f"  The admin    {address}/admin/   log in as {ADMIN_NAME} with {ADMIN_PASSWORD}\n\n"
            f"Logs are in {_logs()}/. Ctrl-C stops everything."
        )
        self.stdout.flush()


class Child:
    """One program of the demo in a process group of its own, so that nothing of it outlives us."""

    def __init__(
        self, name: str, arguments: list[str], environment: dict[str, str], lock: FolderLock
    ) -> None:
        self.name, self._arguments, self._environment, self._lock = name, arguments, environment, lock
        self._log = _logs() / f"{name}.log"

    def __enter__(self) -> Child:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own programs
                self._arguments,
                env=self._environment,
                cwd=settings.BASE_DIR,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[self._lock.fileno()],
            )
        self._lock.note(self._process.pid)
        return self

    def __exit__(self, *error: Any) -> None:
        # The program first, alone: a worker tells its own children when they have finished.
        with suppress(ProcessLookupError):
            self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def last_words(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        return "\n".join(
            [f"The {self.name} has ended unexpectedly. Its last words, from {self._log}:", *lines]
        )


def _programs(port: int) -> list[tuple[str, list[str]]]:
    manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
    # --insecure serves the static files although DEBUG is off; a real shop lets its web server do this.
    web = [*manage, "runserver", f"{HOST}:{port}", "--noreload", "--insecure"]
    worker = [
        sys.executable, "-m", "celery", "-A", "demo_shop", "worker", "-B", "--concurrency", "2",
        "--without-gossip", "--without-mingle", "--loglevel", "INFO",
    ]  # fmt: skip
    return [("web", web), ("worker", worker)]


def _logs() -> Path:
    folder: Path = settings.DEMO_DIR / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        # As the web server does: a port that was ours a moment ago is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            raise CommandError(
                f"Port {port} is taken or not allowed. Choose another: make demo PORT=8123"
            ) from None


def _answers(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), 0.2).close()
    except OSError:
        return False
    return True
