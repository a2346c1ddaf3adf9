"""The Celery app of the demo: `celery -A demo_shop worker -B`."""

from __future__ import annotations

import os

from celery import Celery

from demo_shop import transport

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "demo_shop.settings")
transport.register()

app = Celery("demo_shop")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
