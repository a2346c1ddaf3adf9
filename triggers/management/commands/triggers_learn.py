"""What contacts like and what buyers they are, for cron in shops without Celery, or by hand."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from triggers.engine.audience.learn import learn


class Command(BaseCommand):
    help = (
        "Learns favourites and RFM classes from events anew. May be interrupted, and run beside everything."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"something is known of {learn()} contacts")
