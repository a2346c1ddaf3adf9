"""Saved rules that select contacts, who was inside when they were last looked at, and what was learned about contacts."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from triggers.models.contact import Contact
from triggers.models.fields import ExactCharField


class Segment(models.Model):
    """A rule, stored as a condition is in a chain. Who belongs to it is asked of the database each time.

    `SegmentMember` follows along only while somebody wants to hear who comes and goes. `members_of` is the digest of the
    rule that the rows belong to, empty while they belong to none: then the next look takes stock without events.
    """

    key = models.SlugField(_("key"), max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=150)
    description = models.TextField(_("description"), blank=True)
    rule = models.JSONField(_("who belongs to it"), default=dict)
    is_watched = models.BooleanField(
        _("record who comes and goes"),
        default=False,
        help_text=_(
            "Writes the events segment_entered and segment_left. Happens anyway while a live chain starts by this segment."
        ),
    )
    members_of = models.CharField(max_length=64, blank=True, editable=False)
    looked_at = models.DateTimeField(_("last looked at"), null=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("by"),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SegmentMember(models.Model):
    """A contact that was in a watched segment when it was last looked at. Can be made anew."""

    segment = models.ForeignKey(Segment, models.CASCADE, related_name="members", db_index=False)
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="memberships")
    since = models.DateTimeField(_("since"))

    class Meta:
        verbose_name = _("member of a segment")
        verbose_name_plural = _("members of segments")
        constraints = [models.UniqueConstraint(fields=["segment", "contact"], name="triggers_member_once")]

    def __str__(self) -> str:
        return f"{self.segment_id}: {self.contact_id}"


class TraitKind(models.TextChoices):
    """What is learned about a contact from its events."""

    CATEGORY = "category", _("favourite category")
    BRAND = "brand", _("favourite brand")
    PRICE_BAND = "price_band", _("usual price band")
    RFM = "rfm", _("RFM class")


class Trait(models.Model):
    """One thing learned about a contact; `rank` 1 is what fits best. Made anew from events at any time."""

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="traits", db_index=False)
    kind = models.CharField(_("kind"), max_length=20, choices=TraitKind.choices)
    value = ExactCharField(_("value"), max_length=100)
    score = models.FloatField(_("score"))
    rank = models.PositiveSmallIntegerField(_("rank"))

    class Meta:
        verbose_name = _("learned trait")
        verbose_name_plural = _("learned traits")
        constraints = [
            models.UniqueConstraint(fields=["contact", "kind", "value"], name="triggers_trait_once")
        ]
        indexes = [models.Index(fields=["kind", "value", "contact"], name="triggers_trait_of")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.value}"
