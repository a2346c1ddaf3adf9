"""Events on their way to many contacts: who of them has theirs already."""

from __future__ import annotations

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _

from triggers.models.fields import ExactCharField

# The zone of an occasion that comes to everybody at the same instant.
EVERYWHERE = "*"


class FanoutState(models.TextChoices):
    """Whether contacts still get their event."""

    RUNNING = "running", _("under way")
    DONE = "done", _("done")
    SKIPPED = "skipped", _("left out")
    FAILED = "failed", _("failed")


class FanoutQuerySet(models.QuerySet["Fanout"]):
    def running(self) -> FanoutQuerySet:
        return self.filter(state=FanoutState.RUNNING)


class Fanout(models.Model):
    """One occasion of one trigger, given out to the contacts of one time zone, in the order of their ids.

    `trigger` is the digest of kind and settings, shared by all chains that have the same; `slot` names the occasion. Everybody
    up to `after_id` has been looked at: it moves in the transaction that writes the events, so nobody is left out or served twice.
    """

    kind = models.CharField(_("kind"), max_length=50)
    trigger = ExactCharField(_("trigger"), max_length=32)
    config = models.JSONField(_("settings"), default=dict)
    # "": everybody.
    segment = models.CharField(_("segment"), max_length=64, blank=True)
    slot = ExactCharField(_("occasion"), max_length=100)
    # "": contacts whose zone is not known, by the shop's clock.
    zone = ExactCharField(_("time zone"), max_length=64)
    due_at = models.DateTimeField(_("moment"))
    state = models.CharField(
        _("state"), max_length=10, choices=FanoutState.choices, default=FanoutState.RUNNING
    )
    after_id = models.BigIntegerField(default=0)
    # When its next slice was to be taken; later than the kind's longest lateness, and the rest is left out.
    next_at = models.DateTimeField(_("next"))
    # What the events say beside trigger and occasion, and how many causes they have had (see Event.depth).
    object_ref = ExactCharField(_("about"), max_length=100, blank=True)
    data = models.JSONField(_("data"), default=dict, blank=True, encoder=DjangoJSONEncoder)
    depth = models.PositiveSmallIntegerField(default=0)
    entered = models.PositiveIntegerField(_("contacts"), default=0)
    error = models.TextField(_("error"), blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended"), null=True)

    objects = FanoutQuerySet.as_manager()

    class Meta:
        verbose_name = _("fan-out")
        verbose_name_plural = _("fan-outs")
        constraints = [
            models.UniqueConstraint(fields=["trigger", "slot", "zone"], name="triggers_fanout_once")
        ]
        indexes = [
            models.Index(fields=["state", "next_at"], name="triggers_fanout_next"),
            models.Index(fields=["trigger", "due_at"], name="triggers_fanout_due"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.slot}"
