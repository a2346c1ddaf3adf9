"""People we may write to."""

from __future__ import annotations

import uuid
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from triggers.core.schedule import zone_of
from triggers.models.fields import ExactCharField

# Fixed at install: a contact's shard is its id modulo this.
SHARDS = 64


class Contact(models.Model):
    """One person. `email_key` and `phone` are unique, so two spellings of one address are one contact.

    A row with `merged_into` is that person under another name: it holds the addresses that lead there, and nothing else.
    A row with `erased_at` is nobody any more: what happened stays countable.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    external_id = ExactCharField(
        _("customer"),
        max_length=64,
        null=True,
        blank=True,
        unique=True,
        help_text=_("The shop's own key of its user."),
    )
    email = models.CharField(_("e-mail"), max_length=254, blank=True)
    email_key = models.CharField(max_length=254, null=True, blank=True, unique=True, editable=False)
    phone = models.CharField(_("phone"), max_length=16, null=True, blank=True, unique=True, help_text="E.164")
    first_name = models.CharField(_("first name"), max_length=150, blank=True)
    last_name = models.CharField(_("last name"), max_length=150, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)
    birthday = models.DateField(_("birthday"), null=True, blank=True)
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)
    # Never a contact that was merged itself: a merge takes those who lead to it along.
    merged_into = models.ForeignKey("self", models.CASCADE, null=True, editable=False, related_name="merged")
    erased_at = models.DateTimeField(_("erased"), null=True, editable=False)

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        permissions = [
            ("merge_contact", _("Can merge two contacts into one")),
            ("erase_contact", _("Can erase contacts")),
        ]
        indexes = [
            models.Index(fields=["-created_at"], name="triggers_contact_newest"),
            models.Index(fields=["time_zone", "id"], name="triggers_contact_of_zone"),
        ]

    def __str__(self) -> str:
        if self.erased_at:
            return gettext("erased contact #%(number)s") % {"number": self.pk}
        name = f"{self.first_name} {self.last_name}".strip()
        return name or self.email or self.phone or str(self.uid)

    @property
    def shard(self) -> int:
        return self.pk % SHARDS

    @property
    def zone(self) -> ZoneInfo:
        """The contact's time zone, or the shop's."""
        return zone_of(self.time_zone or settings.TIME_ZONE)


class ContactTag(models.Model):
    """One tag of one contact."""

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="tags", verbose_name=_("contact"))
    name = ExactCharField(_("tag"), max_length=64)

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        constraints = [models.UniqueConstraint(fields=["contact", "name"], name="triggers_contacttag_once")]
        indexes = [models.Index(fields=["name", "contact"], name="triggers_contacttag_name")]

    def __str__(self) -> str:
        return self.name


class Leftover(models.Model):
    """A contact that became another one or was erased, with more events than its own transaction could move or empty."""

    contact = models.OneToOneField(Contact, models.CASCADE, primary_key=True, related_name="+")

    class Meta:
        verbose_name = _("leftover")
        verbose_name_plural = _("leftovers")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.contact_id)
