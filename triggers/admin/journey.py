"""Journeys: who is where in which chain, and two ways to intervene."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, ngettext

from triggers.admin.base import ContactColumn, ReadOnlyPage, link
from triggers.admin.search import find_contact_ids
from triggers.core.values import JourneyStatus, Reason
from triggers.core.words import say
from triggers.engine.journeys import exit_journeys, resume_journeys, retry_failed_journeys
from triggers.models import Journey, Message

TAKEN_OUT = Reason(gettext_noop("Taken out by a person"))

# Moves shown on a journey's page; the contact's timeline pages through all.
MOST_MOVES = 500


@admin.register(Journey)
class JourneyAdmin(ContactColumn, ReadOnlyPage):
    list_display = ["number", "chain", "contact_link", "status", "step", "entered_at", "due_at", "ended_at"]
    list_filter = ["status", "chain", "entered_at"]
    list_select_related = ["chain", "contact"]
    ordering = ["-pk"]
    search_fields = ["contact"]
    search_help_text = _("E-mail address, phone, name or customer number of the contact")
    actions = ["exit_selected", "resume_selected"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        if not search_term.strip():
            return queryset, False
        return queryset.filter(contact__in=find_contact_ids(search_term)), False

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        told = ["chain_version", self.contact_field(request), "status", "step", "since", "due_at"]
        return [*told, "entered_at", "ended_at", "object_ref", "error", "moves", "sent"]

    @admin.display(description=_("journey"), ordering="pk")
    def number(self, journey: Journey) -> str:
        return f"#{journey.pk}"

    @admin.display(description=_("chain"))
    def chain_version(self, journey: Journey) -> SafeString:
        return format_html("{} · v{}", link(journey.chain), journey.version.number)

    @admin.display(description=_("what happened"))
    def moves(self, journey: Journey) -> SafeString:
        zone = journey.contact.zone
        rows = (
            (
                move.at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S"),
                move.step,
                say(move.reason, move.data, zone),
            )
            for move in journey.transitions.order_by("seq")[:MOST_MOVES]
        )
        lines = format_html_join("", "<li><time>{}</time> <code>{}</code> {}</li>", rows)
        return format_html('<ol class="tc-moves">{}</ol><p class="help">{}</p>', lines, zone.key)

    @admin.display(description=_("messages"))
    def sent(self, journey: Journey) -> SafeString:
        rows = Message.objects.filter(journey=journey).order_by("pk")
        lines = format_html_join(
            "", "<li>{} – {}</li>", ((link(one), one.get_state_display()) for one in rows)
        )
        return format_html('<ul class="tc-plain">{}</ul>', lines) if lines else format_html("–")

    @admin.action(description=_("Take the selected journeys out of their chains"), permissions=["act"])
    def exit_selected(self, request: HttpRequest, queryset: QuerySet) -> None:
        count = exit_journeys(list(queryset.values_list("pk", flat=True)), TAKEN_OUT)
        text = ngettext("%(count)s journey ended.", "%(count)s journeys ended.", count) % {"count": count}
        self.message_user(request, text, messages.SUCCESS if count else messages.WARNING)

    @admin.action(description=_("Let the selected paused or failed journeys go on"), permissions=["act"])
    def resume_selected(self, request: HttpRequest, queryset: QuerySet) -> None:
        rows = list(queryset.values_list("pk", "status"))
        count = resume_journeys([pk for pk, status in rows if status == JourneyStatus.PAUSED])
        count += retry_failed_journeys([pk for pk, status in rows if status == JourneyStatus.FAILED])
        text = ngettext("%(count)s journey goes on.", "%(count)s journeys go on.", count) % {"count": count}
        self.message_user(request, text, messages.SUCCESS if count else messages.WARNING)
