from __future__ import annotations

from django.apps import AppConfig


class HostConfig(AppConfig):
    """A stranger's app: tests plug their own kinds, sources and providers in from here."""

    name = "tests.host"
    label = "host"
    default_auto_field = "django.db.models.BigAutoField"
