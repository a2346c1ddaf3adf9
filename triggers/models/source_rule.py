"""Changes of the shop's models that are events, as somebody said in the admin."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _


class Change(models.TextChoices):
    """What happens to a row."""

    CREATED = "created", _("is created")
    CHANGED = "changed", _("gets another value in the field")
    BECAME = "became", _("gets this value in the field")
    FELL = "fell", _("falls in the field by so many percent")
    ROSE = "rose", _("rises in the field by so many percent")
    DELETED = "deleted", _("is deleted")


class SourceRule(models.Model):
    """When a row of a model changes so, an event with this name is recorded. Which models and fields, a setting allows."""

    event = models.CharField(_("event"), max_length=64, help_text=_("Its name, in snake_case."))
    model = models.CharField(_("model"), max_length=150)
    change = models.CharField(_("change"), max_length=10, choices=Change.choices, default=Change.CREATED)
    field = models.CharField(_("field"), max_length=100, blank=True)
    value = models.CharField(_("value"), max_length=200, blank=True, help_text=_("That the field gets."))
    percent = models.DecimalField(
        _("percent"),
        max_digits=7,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(10_000)],
        help_text=_("By which the number falls or rises at least; 0 for any fall or rise."),
    )
    contact_path = models.CharField(
        _("contact"),
        max_length=200,
        help_text=_(
            "The fields that lead from the row to a user or an e-mail address, with dots: customer.user"
        ),
    )
    data_paths = models.JSONField(_("data"), default=list, blank=True)
    is_on = models.BooleanField(_("on"), default=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("source rule")
        verbose_name_plural = _("source rules")
        default_permissions = ()
        permissions = [("manage_sources", _("Can manage source rules"))]

    def __str__(self) -> str:
        return self.event
