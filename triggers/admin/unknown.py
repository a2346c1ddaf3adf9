"""The page of unknown messages: each with what can be done about it, and three buttons for those who may."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from triggers.admin.base import change_url, may, may_see_contacts
from triggers.core.words import say
from triggers.delivery.retry import give_up, retry_messages, take_as_sent
from triggers.delivery.unknown import key_ends_at
from triggers.models import Message, MessageState

# Rows of the page; when they are settled the next ones come.
MOST_ROWS = 100

ADDRESS = "admin:triggers_message_unknown"

VERBS: dict[str, Callable[[Iterable[int]], int]] = {
    "arrived": take_as_sent,
    "again": retry_messages,
    "give_up": give_up,
}


def unknown_view(model_admin: admin.ModelAdmin, request: HttpRequest) -> HttpResponse:
    """The list on GET; on POST the chosen messages are settled."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    if request.method == "POST":
        return _settle(request)
    found = Message.objects.filter(state=MessageState.UNKNOWN)
    rows = list(found.select_related("contact").order_by("-unknown_since", "-pk")[:MOST_ROWS])
    sees_contacts = may_see_contacts(request)
    now = timezone.now()
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": _("Unknown messages"),
        "media": model_admin.media,
        "rows": [_row(message, now, sees_contacts=sees_contacts) for message in rows],
        "total": len(rows) if len(rows) < MOST_ROWS else found.count(),
        "may_act": may(request, "change", Message),
        "address": reverse(ADDRESS),
    }
    return TemplateResponse(request, "triggers/admin/unknown.html", context)


def prospects(message: Message, now: datetime) -> str:
    """What becomes of it by itself, and what a person should know before choosing."""
    ends_at = key_ends_at(message.lane, message.unknown_since) if message.unknown_since else None
    has_key = ends_at is not None and now < ends_at
    if message.lease_until is not None and has_key:
        text = _("After %(moment)s it is sent again by itself; the provider will notice a second copy.")
    elif message.lease_until is not None:
        text = _("After %(moment)s it is sent once more, unless the provider reports what became of it.")
    elif has_key:
        return _("Sending it again is safe for now: the provider would notice a second copy.")
    else:
        return _("It stays so. Look for it at the provider; sending it again may make a second copy.")
    return text % {"moment": date_format(timezone.localtime(message.lease_until), "DATETIME_FORMAT")}


def _row(message: Message, now: datetime, *, sees_contacts: bool) -> dict[str, Any]:
    return {
        "pk": message.pk,
        "title": str(message),
        "url": change_url(message),
        "contact": str(message.contact) if sees_contacts else f"#{message.contact_id}",
        "contact_url": change_url(message.contact) if sees_contacts else "",
        "since": message.unknown_since,
        "lane": message.lane,
        "uid": message.uid.hex,
        "reason": say(message.reason, message.reason_data),
        "prospects": prospects(message, now),
    }


def _settle(request: HttpRequest) -> HttpResponseRedirect:
    if not may(request, "change", Message):
        raise PermissionDenied
    verb = VERBS.get(request.POST.get("verb", ""))
    chosen = [
        int(text)
        for text in request.POST.getlist("pk")
        if text.isascii() and text.isdigit() and len(text) < 19
    ]
    if verb is None or not chosen:
        messages.warning(request, _("Choose messages, and what became of them."))
        return HttpResponseRedirect(reverse(ADDRESS))
    # Others may have been settled meanwhile, by a report or by somebody else: these keep what they are.
    still = Message.objects.filter(pk__in=chosen, state=MessageState.UNKNOWN).values_list("pk", flat=True)
    count = verb(list(still))
    text = ngettext("%(count)s message is settled.", "%(count)s messages are settled.", count)
    messages.add_message(request, messages.SUCCESS if count else messages.WARNING, text % {"count": count})
    return HttpResponseRedirect(reverse(ADDRESS))
