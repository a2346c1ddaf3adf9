"""What all senders of a lane know together: its pause, its tokens, and whether its provider works."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from triggers.clock import DatabaseNow


class LaneQuerySet(models.QuerySet["Lane"]):
    def with_clock(self) -> LaneQuerySet:
        """With `now`, the database's moment of reading."""
        return self.annotate(now=DatabaseNow())

    def not_closed(self) -> LaneQuerySet:
        """Whose time of being left alone is over."""
        return self.filter(Q(closed_until__isnull=True) | Q(closed_until__lte=DatabaseNow()))


class Lane(models.Model):
    """A channel, a class and a provider account. Made when a sender first comes to it, written only when there is
    something to say: a lane without a rate limit and without trouble costs one read a claim."""

    name = models.CharField(_("lane"), max_length=64, primary_key=True)
    is_paused = models.BooleanField(_("paused"), default=False)
    # The token bucket: what was in it at that moment. Nothing yet means full.
    tokens = models.FloatField(default=0, editable=False)
    filled_at = models.DateTimeField(null=True, editable=False)
    # Until then one sender waits for tokens; the others have better things to do.
    waited_for_until = models.DateTimeField(null=True, editable=False)
    # Nothing is claimed before this, be it that the provider asked for it or that it does not work.
    closed_until = models.DateTimeField(_("closed until"), null=True, editable=False)
    # The circuit breaker: since when the provider does not work.
    opened_at = models.DateTimeField(_("broken since"), null=True, editable=False)
    # Whether our own account or domain is at fault, and whether the managers know.
    is_own_fault = models.BooleanField(default=False, db_default=False, editable=False)
    is_told = models.BooleanField(default=False, db_default=False, editable=False)
    detail = models.CharField(_("why"), max_length=500, blank=True, editable=False)
    # In a row, each: failures of the provider, times that the breaker was closed for longer, answers "too many".
    failures = models.IntegerField(default=0, editable=False)
    trips = models.IntegerField(default=0, editable=False)
    throttles = models.IntegerField(default=0, editable=False)
    # Who tries whether a broken provider works again has until then.
    probe_until = models.DateTimeField(null=True, editable=False)
    # Whether a claim has to look at `SlowDomain`.
    has_slow_domains = models.BooleanField(default=False, db_default=False, editable=False)

    # Of rows read `with_clock()`.
    now: datetime

    objects = LaneQuerySet.as_manager()

    class Meta:
        verbose_name = _("lane")
        verbose_name_plural = _("lanes")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_closed(self) -> bool:
        """Whether its provider is left alone at this moment."""
        return self.closed_until is not None and self.closed_until > self.now
