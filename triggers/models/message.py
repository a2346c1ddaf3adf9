"""Letters and texts to one contact, with their states."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from triggers.models.chain import Chain
from triggers.models.consent import Channel, Topic
from triggers.models.contact import Contact
from triggers.models.journey import Journey
from triggers.models.template import MessageClass


class MessageState(models.TextChoices):
    """Where a message stands.

    queued → sending → accepted → delivered | bounced | complained; queued → suppressed | expired | cancelled;
    queued ↔ held while its chain is paused;
    sending → queued (proved not sent), failed (for good), unknown (cannot be known);
    unknown → accepted and further (reported), queued (where a second copy is impossible or allowed).
    """

    QUEUED = "queued", _("queued")
    HELD = "held", _("held back")
    SENDING = "sending", _("being sent")
    ACCEPTED = "accepted", _("handed over")
    DELIVERED = "delivered", _("delivered")
    BOUNCED = "bounced", _("bounced")
    COMPLAINED = "complained", _("complained about")
    SUPPRESSED = "suppressed", _("not allowed")
    EXPIRED = "expired", _("too late")
    CANCELLED = "cancelled", _("cancelled")
    FAILED = "failed", _("failed")
    UNKNOWN = "unknown", _("unknown whether sent")


# What waits for its moment, and what has left or may have: both take room under a frequency cap.
WAITING = (MessageState.QUEUED, MessageState.HELD)
LEFT = (
    MessageState.SENDING,
    MessageState.ACCEPTED,
    MessageState.DELIVERED,
    MessageState.BOUNCED,
    MessageState.COMPLAINED,
    MessageState.UNKNOWN,
)


class MessageQuerySet(models.QuerySet["Message"]):
    def taking_room(
        self, contact_ids: Collection[int], since: datetime, alive_at: datetime
    ) -> MessageQuerySet:
        """What counts under the caps of these contacts: left after `since`, or waiting and not worthless at `alive_at`.

        What waits to be sent again although it may have left is of both kinds.
        """
        alive = Q(expires_at__isnull=True) | Q(expires_at__gt=alive_at)
        waits = Q(state__in=WAITING)
        may_have_left = Q(state__in=LEFT) | waits & Q(unknown_since__isnull=False)
        left = may_have_left & Q(sending_at__gt=since)
        return self.filter(waits & alive | left, contact__in=contact_ids)


class Message(models.Model):
    """One e-mail or SMS to one contact. `uid` travels to the provider and comes back in its notices."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    journey = models.ForeignKey(
        Journey, models.SET_NULL, null=True, related_name="messages", db_constraint=False, db_index=False
    )
    seq = models.IntegerField(null=True, editable=False)
    # Its journey's: what is asked about a chain's messages outlives the journeys.
    chain = models.ForeignKey(
        Chain,
        models.SET_NULL,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("chain"),
    )
    contact = models.ForeignKey(
        Contact,
        models.CASCADE,
        related_name="messages",
        db_constraint=False,
        db_index=False,
        verbose_name=_("contact"),
    )
    step = models.CharField(_("step"), max_length=50, blank=True)
    template_key = models.CharField(_("template"), max_length=64)
    channel = models.CharField(_("channel"), max_length=10, choices=Channel.choices)
    message_class = models.CharField(_("class"), max_length=20, choices=MessageClass.choices)
    lane = models.CharField(_("lane"), max_length=64)
    topic = models.ForeignKey(
        Topic,
        models.SET_NULL,
        null=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("topic"),
    )
    address = models.CharField(_("address"), max_length=254, blank=True)
    state = models.CharField(
        _("state"), max_length=12, choices=MessageState.choices, default=MessageState.QUEUED
    )
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    reason_data = models.JSONField(default=dict, encoder=DjangoJSONEncoder, editable=False)
    created_at = models.DateTimeField(_("created"))
    send_after = models.DateTimeField(_("not before"))
    expires_at = models.DateTimeField(_("worthless after"), null=True)
    attempt = models.SmallIntegerField(_("attempts"), default=0)
    # Sending: when its sender counts as dead. Held and unknown: when it is looked at again. Queued: until then it is
    # in the hands of somebody who counts crashes.
    lease_until = models.DateTimeField(null=True, editable=False)
    # When its last attempt began: the moment that counts under frequency caps.
    sending_at = models.DateTimeField(null=True, editable=False)
    # When it was first not known whether the provider took it; stays when it is sent again.
    unknown_since = models.DateTimeField(_("in doubt since"), null=True, editable=False)
    # How often it was sent again by itself in spite of that.
    resends = models.SmallIntegerField(_("sent again"), default=0, db_default=0, editable=False)
    # How many processes ended while it was being made, as far as it was watched (delivery/crashes.py).
    crashes = models.SmallIntegerField(_("crashes"), default=0, db_default=0, editable=False)
    accepted_at = models.DateTimeField(_("handed over at"), null=True)
    opened_at = models.DateTimeField(_("opened"), null=True)
    clicked_at = models.DateTimeField(_("clicked"), null=True)
    provider_id = models.CharField(_("provider's id"), max_length=255, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints = [models.UniqueConstraint(fields=["journey", "seq"], name="triggers_message_once")]
        indexes = [
            models.Index(fields=["lane", "state", "send_after", "id"], name="triggers_message_queue"),
            models.Index(fields=["state", "lease_until"], name="triggers_message_lease"),
            models.Index(fields=["contact", "id"], name="triggers_message_contact"),
            models.Index(fields=["-created_at"], name="triggers_message_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} {self.template_key}"


class MessageBody(models.Model):
    """What a message said, kept apart so that the queue stays narrow. Written when the message is rendered."""

    message = models.OneToOneField(
        Message, models.CASCADE, primary_key=True, related_name="body", db_constraint=False
    )
    subject = models.CharField(_("subject"), max_length=998, blank=True)
    html = models.TextField(_("HTML"), blank=True)
    text = models.TextField(_("text"), blank=True)

    class Meta:
        verbose_name = _("message body")
        verbose_name_plural = _("message bodies")

    def __str__(self) -> str:
        return self.subject
