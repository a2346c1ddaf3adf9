"""The switch over everything, from a shell: on again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from triggers.control import resume_everything


class Command(BaseCommand):
    help = "Lets turns and senders go on after `triggers_pause`, or after a pause on the health page."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write("Everything goes on." if resume_everything() else "Nothing was paused.")
