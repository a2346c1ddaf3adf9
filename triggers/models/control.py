"""The one switch over everything."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Control(models.Model):
    """Whether all turns and senders stand still, since when, by whose hand and why. At most one row; none means no."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    is_paused = models.BooleanField(_("everything is paused"), default=False)
    paused_at = models.DateTimeField(_("since"), null=True)
    # None: a command did it.
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        db_index=False,
        verbose_name=_("by"),
    )
    why = models.CharField(_("reason"), max_length=300, blank=True)
    # While the pause lasts that a restored backup began: the moment of that backup.
    backup_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("control")
        verbose_name_plural = _("control")
        default_permissions = ()
        permissions = [("pause_everything", _("Can pause and resume everything"))]
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="triggers_control_one_row")]

    def __str__(self) -> str:
        return str(_("everything is paused") if self.is_paused else _("everything runs"))
