"""Events: what happened, to be read only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from triggers.admin.base import ContactColumn, ListedFilter, ReadOnlyPage, pretty_json
from triggers.admin.choices import known_events
from triggers.admin.search import find_contact_ids
from triggers.models import Event, PendingEvent


class EventNameFilter(ListedFilter):
    """By name; the names come from what is known, not from a walk through all events."""

    title = _("name")
    parameter_name = "name"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> Sequence[tuple[str, str]]:
        return [(name, name) for name, _label in sorted(known_events())]


@admin.register(Event)
class EventAdmin(ContactColumn, ReadOnlyPage):
    list_display = ["name", "contact_link", "occurred_at", "recorded_at", "object_ref"]
    list_filter = [EventNameFilter, "recorded_at"]
    list_select_related = ["contact"]
    ordering = ["-pk"]
    search_fields = ["contact"]
    search_help_text = _("E-mail address, phone, name or customer number of the contact")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        if not search_term.strip():
            return queryset, False
        return queryset.filter(contact__in=find_contact_ids(search_term)), False

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        seen = self.contact_field(request)
        return ["name", seen, "occurred_at", "recorded_at", "object_ref", "uid", "state", "pretty_data"]

    @admin.display(description=_("data"))
    def pretty_data(self, event: Event) -> SafeString:
        return pretty_json(event.data)

    @admin.display(description=_("engine"))
    def state(self, event: Event) -> str:
        pending = PendingEvent.objects.filter(pk=event.pk).first()
        if pending is None:
            return str(_("The chains have seen it."))
        if pending.is_set_aside:
            return str(_("Set aside, because matching it failed: %(error)s") % {"error": pending.error})
        return str(_("Waiting for the next turn."))
