"""The periodic tasks: made, repaired, and each of them exists."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django_celery_beat.models import PeriodicTask

from demo_shop.celery import app

pytestmark = pytest.mark.django_db


def test_every_entry_names_a_task_that_exists() -> None:
    call_command("triggers_beat", verbosity=0)
    app.loader.import_default_modules()
    named = set(PeriodicTask.objects.filter(name__startswith="triggers: ").values_list("task", flat=True))
    assert named
    assert named <= set(app.tasks)


def test_a_second_run_repairs_and_adds_nothing(settings: Any) -> None:
    call_command("triggers_beat")
    names = set(PeriodicTask.objects.values_list("name", flat=True))
    settings.TRIGGERS = {**settings.TRIGGERS, "TICK_SECONDS": 0.5}
    PeriodicTask.objects.update(enabled=False)
    call_command("triggers_beat")
    assert set(PeriodicTask.objects.values_list("name", flat=True)) == names
    tick = PeriodicTask.objects.get(name="triggers: tick")
    assert tick.enabled
    assert (tick.interval.every, tick.interval.period) == (500_000, "microseconds")
