"""Engine and senders in one process, for shops without Celery."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections
from django.db.utils import InterfaceError, OperationalError

from triggers.conf import settings
from triggers.workload import do_work


class Command(BaseCommand):
    help = "Matches events, moves journeys and sends messages until stopped. Needs no broker; run as many as you like."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="do what is due now, then stop")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        stop = threading.Event()
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
        done = 0
        while not stop.is_set():
            worked = self._work()
            done += worked
            if once and not worked:
                break
            if not worked:
                stop.wait(settings.TICK_SECONDS)
        self.stdout.write(f"{done} events, steps and messages")

    def _work(self) -> int:
        """One round. A database that is away comes back: the next round finds what this one left."""
        close_old_connections()
        try:
            return do_work()
        except (OperationalError, InterfaceError) as error:
            self.stderr.write(f"the database did not answer: {error}")
            return 0
