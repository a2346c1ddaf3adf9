"""The counts of chains by day, made anew from the messages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from triggers.delivery.tally import day_of, recount
from triggers.engine.shards import read_clock
from triggers.exceptions import TriggersError


class Command(BaseCommand):
    help = "Counts anew what became of each chain's messages, day by day. A killed sender leaves its last run uncounted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=int, default=8, help="how far back (default: 8)")

    def handle(self, *args: Any, days: int, **options: Any) -> None:
        if not 1 <= days <= 36_500:
            raise CommandError(f"--days {days}: write a number from 1 to 36500")
        try:
            count = recount(day_of(read_clock()) - timedelta(days=days - 1))
        except TriggersError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"counts made anew: {count}")
