"""Suppressions: addresses that get nothing more."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from triggers.addresses import parse_email, parse_phone
from triggers.admin.base import Page
from triggers.exceptions import InvalidAddress
from triggers.models import Channel, Suppression
from triggers.suppressions import HASHED, spellings


def canonical(channel: str, address: str) -> str:
    """The address as senders compare it. Raises InvalidAddress."""
    return parse_email(address).key if channel == Channel.EMAIL else parse_phone(address)


class SuppressionForm(forms.ModelForm):
    class Meta:
        model = Suppression
        fields = ["channel", "address", "reason", "note"]
        help_texts = {"address": _("An e-mail address or a phone number; it is saved in its canonical form.")}

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("address") and data.get("channel"):
            try:
                data["address"] = canonical(data["channel"], data["address"])
            except InvalidAddress as error:
                wrong = (
                    _("This is not exactly one e-mail address: %(error)s")
                    if data["channel"] == Channel.EMAIL
                    else _("This is not exactly one phone number: %(error)s")
                )
                self.add_error("address", ValidationError(wrong, params={"error": error}))
        return data


@admin.register(Suppression)
class SuppressionAdmin(Page):
    form = SuppressionForm
    list_display = ["shown_address", "channel", "reason", "note", "created_at"]
    list_filter = ["channel", "reason", "created_at"]
    search_fields = ["address"]
    search_help_text = _("An address, or how it begins")
    ordering = ["-pk"]

    def get_readonly_fields(self, request: HttpRequest, obj: Suppression | None = None) -> list[str]:
        return ["channel", "address", "created_at"] if obj else []

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        """By the beginning of the canonical address, which the index can answer; of an erased owner by all of it."""
        text = search_term.strip().lower()
        if not text:
            return queryset, False
        return queryset.filter(Q(address__startswith=text) | Q(address__in=spellings(text))), False

    @admin.display(description=_("address"), ordering="address")
    def shown_address(self, one: Suppression) -> str:
        return gettext("known by its hash only") if one.address.startswith(HASHED) else one.address
