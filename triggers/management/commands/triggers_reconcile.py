"""To be run after a backup was restored, before anything is started."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware

from triggers.delivery.reconcile import reconcile
from triggers.exceptions import TriggersError


class Command(BaseCommand):
    help = "Pauses everything and sets aside what may have been done since the backup was taken. See docs/operations.md."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--backup-moment",
            metavar="MOMENT",
            help="when the backup was taken, ISO 8601 (default: the last sign of life of a worker in it)",
        )
        parser.add_argument("--dry-run", action="store_true", help="count only, change nothing")

    def handle(self, *args: Any, backup_moment: str | None, dry_run: bool, **options: Any) -> None:
        try:
            done = reconcile(read_moment(backup_moment), is_rehearsal=dry_run)
        except TriggersError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"backup of {done.backup_at.isoformat()}")
        self.stdout.write(f"messages that may have left since then, unknown: {done.messages}")
        self.stdout.write(f"journeys that may have gone on since then, paused: {done.journeys}")
        self.stdout.write(f"events that may have been matched since then, set aside: {done.events}")
        if dry_run:
            self.stdout.write("Nothing was changed.")
            return
        self.stdout.write(
            "Everything is paused. Look at the health page, then let it go on with: manage.py triggers_resume"
        )


def read_moment(text: str | None) -> datetime | None:
    """A moment as it is written in the command; without an offset it is in TIME_ZONE. Raises CommandError for none."""
    if text is None:
        return None
    try:
        moment = parse_datetime(text.strip())
    except ValueError:
        moment = None
    if moment is None:
        raise CommandError(f"--backup-moment {text}: write a moment like 2026-03-01T04:00:00+01:00")
    return make_aware(moment) if is_naive(moment) else moment
