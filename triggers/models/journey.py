"""Contacts on their way through chains."""

from __future__ import annotations

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _

from triggers.core.values import JourneyStatus
from triggers.models.chain import Chain, ChainVersion
from triggers.models.contact import Contact
from triggers.models.fields import ExactCharField

JOURNEY_STATUSES = [
    (JourneyStatus.ACTIVE.value, _("on its way")),
    (JourneyStatus.PAUSED.value, _("paused")),
    (JourneyStatus.FINISHED.value, _("finished")),
    (JourneyStatus.EXITED.value, _("left early")),
    (JourneyStatus.FAILED.value, _("failed")),
]
NEED_A_PERSON = (JourneyStatus.PAUSED.value, JourneyStatus.FAILED.value)


class EntryLedger(models.Model):
    """Who has entered which chain under which key; outlives journeys and every edit of the chain."""

    chain = models.ForeignKey(Chain, models.CASCADE, related_name="+", verbose_name=_("chain"))
    contact = models.ForeignKey(
        Contact, models.CASCADE, related_name="entries", db_constraint=False, verbose_name=_("contact")
    )
    entry_key = ExactCharField(_("entry key"), max_length=100)
    entered_at = models.DateTimeField(_("entered"))

    class Meta:
        verbose_name = _("entry")
        verbose_name_plural = _("entries")
        constraints = [
            models.UniqueConstraint(fields=["chain", "contact", "entry_key"], name="triggers_entry_once"),
        ]

    def __str__(self) -> str:
        return self.entry_key


class Journey(models.Model):
    """One contact's passage through one chain version.

    `due_at` is set exactly while it is active; `resume_due_at` keeps it while the journey is paused.
    `active_slot` is 1 while the journey is active or paused and NULL after, so the unique constraint allows one.
    Everything that writes here holds the lock on the contact's shard.
    """

    shard = models.SmallIntegerField(editable=False)
    chain = models.ForeignKey(Chain, models.CASCADE, related_name="journeys", verbose_name=_("chain"))
    version = models.ForeignKey(
        ChainVersion, models.CASCADE, related_name="+", db_index=False, verbose_name=_("version")
    )
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="journeys", verbose_name=_("contact"))
    status = models.CharField(
        _("status"), max_length=10, choices=JOURNEY_STATUSES, default=JourneyStatus.ACTIVE
    )
    active_slot = models.SmallIntegerField(null=True, default=1, editable=False)
    step = models.CharField(_("step"), max_length=50)
    since = models.DateTimeField(_("at this step since"))
    seq = models.IntegerField(default=0, editable=False)
    messages_queued = models.SmallIntegerField(_("messages"), default=0, editable=False)
    due_at = models.DateTimeField(_("due"), null=True)
    # When it was meant to move on, where that is not `due_at`: what was late stays late until it waits again.
    planned_at = models.DateTimeField(null=True, editable=False)
    resume_due_at = models.DateTimeField(null=True, editable=False)
    entered_at = models.DateTimeField(_("entered"))
    ended_at = models.DateTimeField(_("ended"), null=True)
    entry_event_id = models.BigIntegerField(null=True, editable=False)
    object_ref = ExactCharField(_("about"), max_length=100, blank=True)
    is_called_back = models.BooleanField(
        default=False, editable=False, help_text=_("It ended so that nothing of it may leave any more.")
    )
    error = models.TextField(_("error"), blank=True)

    class Meta:
        verbose_name = _("journey")
        verbose_name_plural = _("journeys")
        constraints = [
            models.UniqueConstraint(
                fields=["chain", "contact", "active_slot"], name="triggers_journey_one_active"
            ),
        ]
        indexes = [
            models.Index(fields=["shard", "due_at", "id"], name="triggers_journey_due"),
            # Those that need a person. Partial, so that moving the others does not pay for it; MariaDB goes without.
            models.Index(
                fields=["status", "-id"],
                condition=models.Q(status__in=NEED_A_PERSON),
                name="triggers_journey_stuck",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.chain} #{self.pk}"


class Transition(models.Model):
    """One logged move of a journey, with its reason. Only ever inserted.

    `reason` is an English message id and `data` its values; `core.words.say` puts them into the reader's language.
    """

    journey = models.ForeignKey(
        Journey, models.CASCADE, related_name="transitions", db_constraint=False, db_index=False
    )
    seq = models.IntegerField()
    at = models.DateTimeField(_("moment"))
    step = models.CharField(_("step"), max_length=50, blank=True)
    branch = models.CharField(_("branch"), max_length=50, blank=True)
    reason = models.CharField(_("reason"), max_length=300)
    data = models.JSONField(_("data"), default=dict, encoder=DjangoJSONEncoder)

    class Meta:
        verbose_name = _("transition")
        verbose_name_plural = _("transitions")
        ordering = ["seq"]
        constraints = [models.UniqueConstraint(fields=["journey", "seq"], name="triggers_transition_seq")]

    def __str__(self) -> str:
        return f"{self.seq}: {self.reason}"
