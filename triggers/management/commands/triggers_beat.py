"""The periodic tasks in django-celery-beat's tables."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError

from triggers.conf import settings
from triggers.workload import SEGMENT_SECONDS

MINUTE, DAY = 60, 86_400
# Bells that nobody heard in time are thrown away: the next ones say the same.
MOST_EXPIRE_SECONDS = 3600


class Command(BaseCommand):
    help = "Makes or repairs the periodic tasks that the engine needs. May be run at every deployment."

    def handle(self, *args: Any, **options: Any) -> None:
        if not apps.is_installed("django_celery_beat"):
            raise CommandError(
                'Add "django_celery_beat" to INSTALLED_APPS, or run `triggers_run` instead of Celery.'
            )
        self._schedule("tick", settings.TICK_SECONDS, "Finds due work and rings for it.")
        self._schedule(
            "watch",
            MINUTE,
            "Pauses chains that do harm, plans what the calendar brings, makes the tables' next months.",
        )
        self._schedule("segments", SEGMENT_SECONDS, "Records who came into a segment and who left it.")
        self._schedule("learn", DAY, "Learns what contacts like, and what buyers they are.")
        self._schedule("purge", DAY, "Deletes what is older than RETENTION allows.")

    def _schedule(self, name: str, seconds: float, description: str) -> None:
        from django_celery_beat.models import PeriodicTask

        wanted = {
            "task": f"triggers.{name}",
            "interval": _interval(seconds),
            "crontab": None,
            "solar": None,
            "clocked": None,
            "enabled": True,
            "expire_seconds": min(MOST_EXPIRE_SECONDS, max(1, round(10 * seconds))),
            "description": description,
        }
        PeriodicTask.objects.update_or_create(name=f"triggers: {name}", defaults=wanted)
        self.stdout.write(f"triggers: {name}: every {seconds:g} s")


def _interval(seconds: float) -> Any:
    """The schedule of that length; whole seconds where it is some."""
    from django_celery_beat.models import IntervalSchedule

    is_whole = seconds >= 1 and float(seconds).is_integer()
    every = int(seconds) if is_whole else max(1, round(seconds * 1000)) * 1000
    period = IntervalSchedule.SECONDS if is_whole else IntervalSchedule.MICROSECONDS
    return IntervalSchedule.objects.get_or_create(every=every, period=period)[0]
