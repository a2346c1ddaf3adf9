"""Sending rules: the shop's quiet hours and frequency caps, one page for each channel and class."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.formats import time_format
from django.utils.translation import gettext_lazy as _

from triggers.admin.base import Page
from triggers.admin.times import ClockInput
from triggers.core.schedule import quiet_hours
from triggers.engine.quiet import chains_left_without_time
from triggers.models import FrequencyCap, SendingRule


class SendingRuleForm(forms.ModelForm):
    class Meta:
        model = SendingRule
        fields = ["channel", "message_class", "quiet_from", "quiet_until", "on_hit"]
        widgets = {"quiet_from": ClockInput, "quiet_until": ClockInput}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        quiet = quiet_hours(data.get("quiet_from"), data.get("quiet_until"))
        # The page of a saved rule only shows them.
        channel = data.get("channel", self.instance.channel)
        message_class = data.get("message_class", self.instance.message_class)
        names = chains_left_without_time(channel, message_class, quiet) if quiet else []
        if names:
            text = _("With the quiet hours of these chains no time of day would be left: %(chains)s.")
            raise ValidationError(text, params={"chains": ", ".join(names)})
        return data


class CapInline(admin.TabularInline):
    model = FrequencyCap
    extra = 0
    verbose_name_plural = _("frequency caps: at most so many messages to one contact")


@admin.register(SendingRule)
class SendingRuleAdmin(Page):
    form = SendingRuleForm
    list_display = ["channel", "class_name", "quiet", "caps", "on_hit"]
    inlines = [CapInline]
    fieldsets = [
        (
            None,
            {
                "fields": [("channel", "message_class"), ("quiet_from", "quiet_until"), "on_hit"],
                "description": _(
                    "One rule for each channel and class. Without a rule there are no quiet hours and no caps."
                ),
            },
        )
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[SendingRule]:
        return super().get_queryset(request).prefetch_related("caps")

    def get_readonly_fields(self, request: HttpRequest, obj: SendingRule | None = None) -> list[str]:
        return ["channel", "message_class"] if obj else []

    @admin.display(description=_("class"), ordering="message_class")
    def class_name(self, rule: SendingRule) -> str:
        return rule.get_message_class_display().partition(":")[0]

    @admin.display(description=_("quiet hours"))
    def quiet(self, rule: SendingRule) -> str:
        if rule.quiet is None:
            return "–"
        return f"{time_format(rule.quiet.start)} – {time_format(rule.quiet.end)}"

    @admin.display(description=_("at most"))
    def caps(self, rule: SendingRule) -> str:
        caps = [
            _("%(most)s in %(hours)s h") % {"most": one.most, "hours": one.hours} for one in rule.caps.all()
        ]
        return ", ".join(caps) or "–"
