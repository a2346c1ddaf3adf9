"""A contact is erased: a page that says what goes and what stays, and a button."""

from __future__ import annotations

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from triggers.admin.base import MOST_COUNTED, change_url, may
from triggers.engine.erase import erase_contact
from triggers.models import Contact, Event, Journey, Message
from triggers.models.message import WAITING
from triggers.payloads import MOST_INTEGER

ADDRESS = "admin:triggers_contact_erase"


def may_erase(request: HttpRequest) -> bool:
    return may(request, "erase", Contact)


def erase_view(model_admin: admin.ModelAdmin, request: HttpRequest, pk: int) -> HttpResponse:
    """The page on GET; on POST the contact is erased."""
    if not may_erase(request) or not model_admin.has_view_permission(request):
        raise PermissionDenied
    contact = Contact.objects.filter(pk=min(pk, MOST_INTEGER), merged_into=None, erased_at=None).first()
    if contact is None:
        raise Http404
    if request.method == "POST":
        return _erase(model_admin, request, contact)
    letters = Message.objects.filter(contact=contact)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": _("Erase a contact"),
        "media": model_admin.media,
        "contact": contact,
        "contact_url": change_url(contact),
        "aliases": [one.email or one.phone or one.external_id for one in contact.merged.all()],
        "events": _count(Event.objects.filter(contact=contact)),
        "letters": _count(letters),
        "waiting": _count(letters.filter(state__in=WAITING)),
        "inside": _count(Journey.objects.filter(contact=contact, active_slot=1)),
    }
    return TemplateResponse(request, "triggers/admin/erase.html", context)


def _erase(model_admin: admin.ModelAdmin, request: HttpRequest, contact: Contact) -> HttpResponseRedirect:
    done = erase_contact(contact)
    contact.refresh_from_db()
    if done.is_new:
        model_admin.log_change(request, contact, "Erased")
    messages.success(
        request, _("Contact #%(number)s is erased. Nothing more is sent to it.") % {"number": contact.pk}
    )
    return HttpResponseRedirect(reverse("admin:triggers_contact_changelist"))


def _count(rows: object) -> str:
    """No further than lists count."""
    count = rows.order_by()[:MOST_COUNTED].count()  # type: ignore[attr-defined]
    return f"{count}+" if count >= MOST_COUNTED else str(count)
