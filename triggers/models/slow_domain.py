"""Mail domains that do not take letters now, as all senders of a lane know them."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from triggers.clock import DatabaseNow


class SlowDomainQuerySet(models.QuerySet["SlowDomain"]):
    def with_clock(self) -> SlowDomainQuerySet:
        """With `now`, the database's moment of reading."""
        return self.annotate(now=DatabaseNow())


class SlowDomain(models.Model):
    """A domain that deferred letters of a lane, until it takes one. `Lane.has_slow_domains` says whether there are any."""

    lane = models.CharField(_("lane"), max_length=64)
    domain = models.CharField(_("domain"), max_length=255)
    # Of different messages, in a row; the latest of them.
    deferrals = models.IntegerField(default=0, editable=False)
    message_id = models.BigIntegerField(null=True, editable=False)
    seen_at = models.DateTimeField(editable=False)
    # How often letters were put off, in a row; 0: not yet.
    trips = models.IntegerField(default=0, editable=False)
    slow_until = models.DateTimeField(_("left alone until"), null=True, editable=False)
    # One letter tries whether it takes them again; its sender has until then.
    probe_until = models.DateTimeField(null=True, editable=False)
    detail = models.CharField(_("why"), max_length=500, blank=True, editable=False)

    # Of rows read `with_clock()`.
    now: datetime

    objects = SlowDomainQuerySet.as_manager()

    class Meta:
        verbose_name = _("slow domain")
        verbose_name_plural = _("slow domains")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["lane", "domain"], name="triggers_slowdomain_once")]

    def __str__(self) -> str:
        return f"{self.domain} ({self.lane})"
