"""Browsers that may not be a known contact yet, and what they did until somebody knows whose they are."""

from __future__ import annotations

import uuid

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext_lazy as _

from triggers.models.contact import Contact
from triggers.models.fields import ExactCharField


class Visitor(models.Model):
    """One browser, known by the random `uid` in its signed cookie. Once it is a contact's it stays that contact's:
    another person at the same browser is a new visitor."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    contact = models.ForeignKey(
        Contact, models.CASCADE, null=True, related_name="visitors", verbose_name=_("contact")
    )
    first_seen_at = models.DateTimeField(_("first seen"))
    last_seen_at = models.DateTimeField(_("last seen"))
    # Somebody else has logged in with this browser: its cookie is worth nothing any more.
    ended_at = models.DateTimeField(_("ended"), null=True, editable=False)
    # How many events it may still send at that moment: a token bucket.
    tokens = models.FloatField(default=0, editable=False)
    # The parcels it sent last: one that comes again was recorded already.
    parcels = models.JSONField(default=list, editable=False)

    class Meta:
        verbose_name = _("visitor")
        verbose_name_plural = _("visitors")
        indexes = [models.Index(fields=["last_seen_at"], name="triggers_visitor_seen")]

    def __str__(self) -> str:
        return str(self.uid)


class VisitorEvent(models.Model):
    """Something a visitor did while nobody knew who it is. It becomes an event of the contact, or is forgotten."""

    visitor = models.ForeignKey(Visitor, models.CASCADE, related_name="events", verbose_name=_("visitor"))
    name = models.CharField(_("name"), max_length=64)
    occurred_at = models.DateTimeField(_("happened"))
    data = models.JSONField(_("data"), default=dict, encoder=DjangoJSONEncoder)
    object_ref = ExactCharField(_("about"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("event of a visitor")
        verbose_name_plural = _("events of visitors")

    def __str__(self) -> str:
        return self.name
