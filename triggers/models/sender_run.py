"""Senders at work, so that one whose process died leaves a trace."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class SenderRun(models.Model):
    """One sender's run over a lane. It is removed when the run ends; one that is still there after `alive_until` has
    lost its process."""

    lane = models.CharField(_("lane"), max_length=64)
    alive_until = models.DateTimeField(_("alive until"))

    class Meta:
        verbose_name = _("sender's run")
        verbose_name_plural = _("senders' runs")
        default_permissions = ()
        indexes = [models.Index(fields=["lane", "alive_until"], name="triggers_senderrun_lane")]

    def __str__(self) -> str:
        return f"{self.lane} #{self.pk}"
