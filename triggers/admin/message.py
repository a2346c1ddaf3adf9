"""Messages: what was sent to whom, what became of it and why; and the letter itself, behind glass."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from triggers.addresses import parse_email, parse_phone
from triggers.admin.base import ContactColumn, ListedFilter, ReadOnlyPage, link, may_see_contacts
from triggers.admin.glass import behind_glass
from triggers.admin.search import find_contact_ids
from triggers.admin.unknown import unknown_view
from triggers.core.words import say
from triggers.delivery.retry import cancel_messages, retry_messages
from triggers.exceptions import InvalidAddress
from triggers.models import Message, MessageBody, MessageState, Template


class TemplateFilter(ListedFilter):
    title = _("template")
    parameter_name = "template_key"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> Sequence[tuple[str, str]]:
        return list(Template.objects.values_list("key", "name"))


@admin.register(Message)
class MessageAdmin(ContactColumn, ReadOnlyPage):
    list_display = ["template_key", "contact_link", "channel", "state", "why", "created_at", "accepted_at"]
    list_filter = ["state", "channel", "message_class", TemplateFilter, "created_at"]
    list_select_related = ["contact"]
    ordering = ["-pk"]
    search_fields = ["address"]
    search_help_text = _("Address or name of the contact, or the number (uid) of the message")
    actions = ["retry_selected", "cancel_selected"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.body_view)
        unknown = self.admin_site.admin_view(partial(unknown_view, self))
        return [
            path("<int:pk>/body/", view, name="triggers_message_body"),
            path("unknown/", unknown, name="triggers_message_unknown"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        return super().get_queryset(request).select_related("contact", "topic")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        text = search_term.replace("\0", "").strip()
        if not text:
            return queryset, False
        try:
            return queryset.filter(uid=UUID(text)), False
        except ValueError:
            found = find_contact_ids(text)
        # An address nobody has any more can only be found by looking at every message.
        return queryset.filter(Q(contact__in=found) if found else Q(address__in=_spellings(text))), False

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list:
        """A letter names its reader: its address and words are for those who may see contacts."""
        told = ["state", "why", "template_link", "channel", "message_class", "topic"]
        seen = [self.contact_field(request)]
        words = []
        if may_see_contacts(request):
            seen.append("address")
            words = [(_("What it said"), {"fields": ["subject", "html", "text"]})]
        moments = [
            "created_at",
            "send_after",
            "expires_at",
            "accepted_at",
            "unknown_since",
            "opened_at",
            "clicked_at",
        ]
        technical = ["journey_link", "step", "lane", "attempt", "resends", "provider_id", "uid"]
        return [
            (None, {"fields": [*told, *seen]}),
            (_("Moments"), {"fields": moments}),
            *words,
            (_("Technical"), {"fields": technical, "classes": ["collapse"]}),
        ]

    def body_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The HTML part on its own, for the frame on the message's page."""
        if not self.has_view_permission(request) or not may_see_contacts(request):
            raise PermissionDenied
        body = getattr(self.get_object(request, str(pk)), "body", None)
        if body is None:
            raise Http404
        return behind_glass(body.html)

    @admin.display(description=_("reason"))
    def why(self, message: Message) -> str:
        return say(message.reason, message.reason_data, message.contact.zone) if message.reason else "–"

    @admin.display(description=_("template"))
    def template_link(self, message: Message) -> SafeString | str:
        template = Template.objects.filter(key=message.template_key).first()
        return link(template) if template else message.template_key

    @admin.display(description=_("journey"))
    def journey_link(self, message: Message) -> SafeString | str:
        return link(message.journey) if message.journey else "–"

    @admin.display(description=_("subject"))
    def subject(self, message: Message) -> str:
        return _body(message).subject or "–"

    @admin.display(description=_("HTML"))
    def html(self, message: Message) -> SafeString | str:
        if not _body(message).html:
            is_coming = message.state in (MessageState.QUEUED, MessageState.SENDING)
            return str(_("Not written yet: a letter is made when it leaves.")) if is_coming else "–"
        address = reverse("admin:triggers_message_body", args=[message.pk])
        return format_html(
            '<iframe class="tc-letter" sandbox="" referrerpolicy="no-referrer" loading="lazy" title="{}" src="{}"></iframe>',
            _("The letter"),
            address,
        )

    @admin.display(description=_("text"))
    def text(self, message: Message) -> SafeString | str:
        text = _body(message).text
        return format_html('<pre class="tc-text">{}</pre>', text) if text else "–"

    @admin.action(description=_("Send the selected failed or unknown messages again"), permissions=["act"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet) -> None:
        chosen = list(queryset.values_list("pk", "state"))
        count = retry_messages([pk for pk, _state in chosen])
        text = ngettext("%(count)s message is queued again.", "%(count)s messages are queued again.", count)
        self.message_user(request, text % {"count": count}, messages.SUCCESS if count else messages.WARNING)
        if count and any(state == MessageState.UNKNOWN for _pk, state in chosen):
            warning = _("Some of them may have arrived the first time: their contacts may get them twice.")
            self.message_user(request, warning, messages.WARNING)

    @admin.action(description=_("Cancel the selected queued messages"), permissions=["act"])
    def cancel_selected(self, request: HttpRequest, queryset: QuerySet) -> None:
        count = cancel_messages(list(queryset.values_list("pk", flat=True)))
        text = ngettext("%(count)s message will not be sent.", "%(count)s messages will not be sent.", count)
        self.message_user(request, text % {"count": count}, messages.SUCCESS if count else messages.WARNING)


def _body(message: Message) -> MessageBody:
    """What the message said; empty before it was rendered."""
    try:
        return message.body
    except MessageBody.DoesNotExist:
        return MessageBody()


def _spellings(text: str) -> list[str]:
    spellings = [text]
    for parse in (lambda: parse_email(text).key, lambda: parse_email(text).email, lambda: parse_phone(text)):
        try:
            spellings.append(parse())
        except InvalidAddress:
            continue
    return spellings
