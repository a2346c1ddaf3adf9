"""What the marketer draws: draft rows, and the published versions that the engine runs."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from triggers.core.schedule import QuietHours, quiet_hours
from triggers.exceptions import TriggersError


class ChainStatus(models.TextChoices):
    """Whether a chain lets contacts in and moves them on."""

    DRAFT = "draft", _("draft")
    LIVE = "live", _("live")
    PAUSED = "paused", _("paused")


class ChainQuerySet(models.QuerySet["Chain"]):
    def live(self) -> ChainQuerySet:
        return self.filter(status=ChainStatus.LIVE, live_version__isnull=False)


class Chain(models.Model):
    """A chain's draft, and which of its versions is live.

    `activated_at` is the watermark: only events recorded after it can start journeys. `priority` is no part of the draft:
    it counts at once, for everybody inside. `resuming_until` is set while what was parked in a pause is let go; past it, whoever did that has died.
    """

    key = models.SlugField(_("key"), max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=150)
    description = models.TextField(_("description"), blank=True)
    status = models.CharField(
        _("status"), max_length=10, choices=ChainStatus.choices, default=ChainStatus.DRAFT, editable=False
    )
    entry_kind = models.CharField(_("starts by"), max_length=50, default="event", blank=True)
    entry_config = models.JSONField(_("trigger"), default=dict, blank=True)
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_until = models.TimeField(
        _("quiet until"),
        null=True,
        blank=True,
        help_text=_(
            "Nothing of this chain leaves between these times of the contact's own clock; may go past midnight. The shop's "
            "quiet hours count as well. Empty: only those."
        ),
    )
    priority = models.SmallIntegerField(
        _("priority"),
        default=0,
        blank=True,
        help_text=_(
            "When two chains want to write to the same contact and a cap has room for one, the larger number goes first. "
            "Counts at once, without publishing."
        ),
    )
    live_version = models.ForeignKey(
        "ChainVersion", models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    activated_at = models.DateTimeField(_("live since"), null=True, blank=True, editable=False)
    paused_at = models.DateTimeField(_("paused since"), null=True, editable=False)
    # Why it was paused by the watch (a message id and its values); empty: a person did it.
    paused_why = models.CharField(max_length=300, blank=True, editable=False)
    paused_data = models.JSONField(default=dict, blank=True, editable=False)
    resuming_until = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    objects = ChainQuerySet.as_manager()

    class Meta:
        verbose_name = _("chain")
        verbose_name_plural = _("chains")
        ordering = ["name"]
        permissions = [
            ("publish_chain", _("Can publish, pause and resume chains")),
            ("enter_chain", _("Can put contacts into chains")),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False) & ~Q(quiet_from=F("quiet_until")),
                name="triggers_chain_quiet",
                violation_error_message=_(
                    "Quiet hours need a beginning and an end that differ, or neither of them."
                ),
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def quiet(self) -> QuietHours | None:
        """The draft's own quiet hours."""
        return quiet_hours(self.quiet_from, self.quiet_until)


class RuleRole(models.TextChoices):
    """What an ending event means."""

    GOAL = "goal", _("goal: the chain worked")
    EXIT = "exit", _("exit: the chain no longer fits")


class ChainRule(models.Model):
    """An event that ends a journey at once and cancels its queued messages. Draft, like the steps."""

    chain = models.ForeignKey(Chain, models.CASCADE, related_name="rules", verbose_name=_("chain"))
    role = models.CharField(_("role"), max_length=10, choices=RuleRole.choices, default=RuleRole.GOAL)
    event = models.CharField(_("event"), max_length=64)
    filters = models.JSONField(_("only if the data fit"), default=list, blank=True)
    same_object = models.BooleanField(_("about the same object"), default=False)

    class Meta:
        verbose_name = _("ending event")
        verbose_name_plural = _("ending events")
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.event


class Step(models.Model):
    """One draft step. The tree is `parent` + `branch` + `position`; `key` stays the same across versions."""

    chain = models.ForeignKey(Chain, models.CASCADE, related_name="steps", verbose_name=_("chain"))
    key = models.SlugField(_("key"), max_length=50)
    parent = models.ForeignKey(
        "self", models.CASCADE, null=True, blank=True, related_name="children", verbose_name=_("inside")
    )
    branch = models.CharField(_("branch"), max_length=50, blank=True)
    position = models.PositiveIntegerField(_("position"), default=0)
    kind = models.CharField(_("kind"), max_length=50)
    config = models.JSONField(_("settings"), default=dict, blank=True)
    note = models.CharField(_("note"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("step")
        verbose_name_plural = _("steps")
        ordering = ["position", "pk"]
        constraints = [models.UniqueConstraint(fields=["chain", "key"], name="triggers_step_key")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class ChainVersion(models.Model):
    """A published chain. Never changes: the engine reads nothing else and may cache it for ever."""

    chain = models.ForeignKey(Chain, models.CASCADE, related_name="versions", verbose_name=_("chain"))
    number = models.PositiveIntegerField(_("version"))
    definition = models.JSONField(_("definition"))
    sha256 = models.CharField(max_length=64)
    published_at = models.DateTimeField(_("published"), auto_now_add=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("by"),
    )

    class Meta:
        verbose_name = _("chain version")
        verbose_name_plural = _("chain versions")
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["chain", "number"], name="triggers_version_number")]

    def __str__(self) -> str:
        return f"{self.chain} v{self.number}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert only. Raises TriggersError for a version that exists."""
        if self.pk is not None:
            raise TriggersError("a published version never changes")
        super().save(*args, **kwargs)
