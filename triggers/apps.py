"""Start-up: import what registers itself, connect what listens."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class TriggersConfig(AppConfig):
    name = "triggers"
    label = "triggers"
    verbose_name = _("Triggers")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from triggers import checks, conditions, entries, steps  # noqa: F401
        from triggers.engine.audience import data
        from triggers.sources import adapters, auth, rules
        from triggers.tracking import anymail

        data.connect()
        auth.connect()
        adapters.connect()
        rules.connect()
        anymail.connect()
        autodiscover_modules("triggers_hooks")
        post_migrate.connect(make_shards, sender=self)


def make_shards(using: str, **kwargs: Any) -> None:
    """The shard rows; missing ones are added after every `migrate`."""
    from triggers.models import SHARDS, Shard

    rows = [Shard(pk=number) for number in range(SHARDS)]
    Shard.objects.using(using).bulk_create(rows, ignore_conflicts=True)
