"""The switch over everything, from a shell: off."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from triggers.control import pause_everything, pause_of_everything


class Command(BaseCommand):
    help = "Stops all turns and senders, whichever process they run in. Events are still captured."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--why", default="", metavar="TEXT", help="shown on the health page")

    def handle(self, *args: Any, why: str, **options: Any) -> None:
        if pause_everything(why):
            self.stdout.write("Everything is paused. Let it go on with: manage.py triggers_resume")
            return
        pause = pause_of_everything()
        said = f" since {pause.paused_at:%Y-%m-%d %H:%M:%S %Z}: {pause.why}" if pause else ""
        self.stdout.write(f"Everything was paused already{said}")
