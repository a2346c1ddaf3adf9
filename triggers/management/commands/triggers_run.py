"""Engine and senders in one process, for shops without Celery."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import close_old_connections
from django.db.utils import DatabaseError, InterfaceError

from triggers.conf import settings
from triggers.drain import start_draining, stop_draining
from triggers.engine.audience.membership import look_at_segments
from triggers.transient import is_transient
from triggers.workload import SEGMENT_SECONDS, do_work, look_after

# Rounds in a row that may fail before `--once` gives up.
MOST_FAILURES = 5
# Between two looks at the complaints about chains.
WATCH_SECONDS = 60.0


class Command(BaseCommand):
    help = "Matches events, moves journeys and sends messages until stopped. Needs no broker; run as many as you like."

    _watched_at = -WATCH_SECONDS
    _segments_at = -SEGMENT_SECONDS

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="do what is due now, then stop")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        stop = _stop_on_signals()
        done = failures = 0
        while not stop.is_set():
            try:
                worked = self._work()
            except (DatabaseError, InterfaceError) as error:
                failures += 1
                self._complain(
                    error, gives_up=once and (failures >= MOST_FAILURES or not is_transient(error))
                )
                stop.wait(settings.TICK_SECONDS)
                continue
            failures = 0
            done += worked
            if once and not worked:
                break
            if not worked:
                stop.wait(settings.TICK_SECONDS)
        self.stdout.write(f"{done} events, steps and messages")

    def _work(self) -> int:
        """One round, on a connection that is not stale."""
        close_old_connections()
        if time.monotonic() - self._watched_at >= WATCH_SECONDS:
            self._watched_at = time.monotonic()
            look_after()
        if time.monotonic() - self._segments_at >= SEGMENT_SECONDS:
            self._segments_at = time.monotonic()
            look_at_segments()
        return do_work()

    def _complain(self, error: Exception, *, gives_up: bool) -> None:
        """A deadlock or a database that is away: the next round finds what this one left. `--once` waits for a few."""
        text = f"the database did not answer ({error}); has `migrate` been run?"
        if gives_up:
            raise CommandError(text) from error
        self.stderr.write(text)


def _stop_on_signals() -> threading.Event:
    """Set at SIGTERM and SIGINT. What providers are being handed then is finished and recorded; nothing more is taken up."""
    stop = threading.Event()
    stop_draining()

    def ask(*_: Any) -> None:
        start_draining()
        stop.set()

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, ask)
    return stop
