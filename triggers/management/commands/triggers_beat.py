"""The periodic tasks in django-celery-beat's tables."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError

from triggers.conf import settings

NAME = "triggers: tick"


class Command(BaseCommand):
    help = "Makes or repairs the periodic task that the engine needs. May be run at every deployment."

    def handle(self, *args: Any, **options: Any) -> None:
        if not apps.is_installed("django_celery_beat"):
            raise CommandError(
                'Add "django_celery_beat" to INSTALLED_APPS, or run `triggers_run` instead of Celery.'
            )
        from django_celery_beat.models import IntervalSchedule, PeriodicTask

        seconds = settings.TICK_SECONDS
        whole = seconds >= 1 and float(seconds).is_integer()
        every = int(seconds) if whole else max(1, round(seconds * 1000))
        period = IntervalSchedule.SECONDS if whole else IntervalSchedule.MICROSECONDS
        if not whole:
            every *= 1000
        schedule, _ = IntervalSchedule.objects.get_or_create(every=every, period=period)
        wanted = {
            "task": "triggers.tick",
            "interval": schedule,
            "crontab": None,
            "solar": None,
            "clocked": None,
            "enabled": True,
            "expire_seconds": max(1, round(10 * seconds)),
            "description": "Finds due work and rings for it.",
        }
        PeriodicTask.objects.update_or_create(name=NAME, defaults=wanted)
        self.stdout.write(f"{NAME}: every {seconds:g} s")
