"""Deletes by age, for cron in shops without Celery, or by hand."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from triggers.engine.purge import purge
from triggers.exceptions import TriggersError


class Command(BaseCommand):
    help = "Deletes what is older than the setting RETENTION allows. May be interrupted, and run beside everything."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--seconds", type=float, help="stop after about this long (default: when nothing is left)"
        )

    def handle(self, *args: Any, seconds: float | None, **options: Any) -> None:
        try:
            done = purge(seconds)
        except TriggersError as error:
            raise CommandError(str(error)) from error
        if not done.rows:
            self.stdout.write("RETENTION keeps everything for ever.")
        for kind, count in done.rows.items():
            self.stdout.write(f"{kind}: {count} deleted")
        if not done.is_done:
            self.stdout.write("There is more; the next run goes on.")
