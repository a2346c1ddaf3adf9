"""Glow & Grain: a small shop for lamps and the home that plugs `triggers` in through its public API."""

from demo_shop.celery import app as celery_app

__all__ = ["celery_app"]
