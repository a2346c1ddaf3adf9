"""Adapters to other apps: each is one file here, listened to when its app is installed."""

from __future__ import annotations

from importlib import import_module

from django.apps import apps

from triggers.conf import settings

# Name of the adapter's file, and the Django app without which it has nothing to hear.
APPS = {"oscar": "oscar", "allauth": "allauth.account"}


def connect() -> None:
    """Listen to the installed apps that we know, or to those of them that SOURCES names."""
    for name, app in APPS.items():
        is_wanted = settings.SOURCES is None or name in settings.SOURCES
        if is_wanted and apps.is_installed(app):
            import_module(f"triggers.sources.{name}").connect()
