"""Who may call the API, and what has been taken already."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from triggers.models.fields import ExactCharField

# In place of names: all events.
ANY_EVENT = "*"


class KeyKind(models.TextChoices):
    """Where a key is kept."""

    SERVER = "server", _("server: kept secret")
    BROWSER = "browser", _("browser: everybody can read it")


class ApiKey(models.Model):
    """A caller of the API. Only a digest of the key is here: it is shown once, when it is made."""

    name = ExactCharField(
        _("name"),
        max_length=64,
        help_text=_(
            "The system that calls. Keys of one name share their idempotency keys, so make the next one before you revoke this one."
        ),
    )
    prefix = ExactCharField(_("begins with"), max_length=16, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    kind = models.CharField(_("kind"), max_length=10, choices=KeyKind.choices, default=KeyKind.SERVER)
    events = models.JSONField(_("events"), default=list, blank=True)
    may_write_contacts = models.BooleanField(
        _("may write contacts"), default=False, help_text=_("Names, addresses, attributes and consents.")
    )
    created_at = models.DateTimeField(_("made"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("made by"),
    )
    last_used_at = models.DateTimeField(
        _("last used"), null=True, editable=False, help_text=_("To the hour.")
    )
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        default_permissions = ()
        permissions = [("manage_api_keys", _("Can manage API keys"))]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def may_send(self, event: str) -> bool:
        return ANY_EVENT in self.events or event in self.events


class ApiReceipt(models.Model):
    """An idempotency key that has been used, as a digest, and the event that came of it."""

    key = models.UUIDField(primary_key=True)
    event_uid = models.UUIDField()
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["at"], name="triggers_receipt_by_age")]

    def __str__(self) -> str:
        return str(self.key)
