"""What happened, and what of it the engine has yet to look at."""

from __future__ import annotations

import uuid

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from triggers.models.contact import Contact
from triggers.models.fields import ExactCharField


class Event(models.Model):
    """Something that happened to a contact. Only ever inserted.

    No database constraint to the contact: in the shop's transaction that would lock the contact's row on MariaDB.
    """

    uid = models.UUIDField(default=uuid.uuid4, editable=False)
    contact = models.ForeignKey(
        Contact,
        models.CASCADE,
        related_name="events",
        db_constraint=False,
        db_index=False,
        verbose_name=_("contact"),
    )
    name = models.CharField(_("name"), max_length=64)
    occurred_at = models.DateTimeField(_("happened"))
    recorded_at = models.DateTimeField(_("recorded"), default=timezone.now)
    data = models.JSONField(_("data"), default=dict, blank=True, encoder=DjangoJSONEncoder)
    object_ref = ExactCharField(
        _("about"), max_length=100, blank=True, help_text=_("The cart, order or product, e.g. cart:17.")
    )
    # 0 for what the shop says; one more than its cause for what a chain brings about. MOST_DEPTH in core/events.py is the end of it.
    depth = models.PositiveSmallIntegerField(_("causes"), default=0, db_default=0)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        indexes = [
            models.Index(fields=["contact", "name", "recorded_at"], name="triggers_event_of_contact"),
            models.Index(fields=["-recorded_at"], name="triggers_event_newest"),
        ]

    def __str__(self) -> str:
        return self.name


class PendingEvent(models.Model):
    """An event that no turn has matched yet; deleted in the transaction that writes its consequences."""

    event = models.OneToOneField(
        Event, models.CASCADE, primary_key=True, db_constraint=False, related_name="pending"
    )
    shard = models.SmallIntegerField()
    # Set when matching this event failed on its own; it then waits for a person.
    error = models.TextField(_("error"), blank=True)
    is_set_aside = models.BooleanField(_("set aside"), default=False)

    class Meta:
        verbose_name = _("pending event")
        verbose_name_plural = _("pending events")
        indexes = [models.Index(fields=["shard", "is_set_aside", "event"], name="triggers_pending_of_shard")]

    def __str__(self) -> str:
        return str(self.event_id)
