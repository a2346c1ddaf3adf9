"""The engine's locks and signs of life."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Shard(models.Model):
    """A 64th of all contacts. Whoever holds the row's lock is the only one who moves their journeys."""

    id = models.SmallIntegerField(primary_key=True)
    # How often one of its journeys was made due in the past: workers remember how far they have seen what is due.
    rewinds = models.IntegerField(default=0, editable=False)

    class Meta:
        verbose_name = _("shard")
        verbose_name_plural = _("shards")

    def __str__(self) -> str:
        return str(self.pk)


class Heartbeat(models.Model):
    """When something last happened, how often, and a word about it: the tick, a lane's sender, a failed capture."""

    name = models.CharField(_("what"), max_length=64, primary_key=True)
    at = models.DateTimeField(_("last time"))
    count = models.BigIntegerField(_("times"), default=1)
    detail = models.CharField(_("detail"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("sign of life")
        verbose_name_plural = _("health")

    def __str__(self) -> str:
        return self.name
