"""Putting contacts into a chain by hand: those chosen in the list, or a segment. Both ask first, and say how many they are."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.urls.resolvers import URLPattern
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from triggers.admin.base import Page
from triggers.admin.chain_steps import StepPages
from triggers.engine.audience import contacts_in
from triggers.engine.enter import enter, enter_segment
from triggers.exceptions import TriggersError
from triggers.models import Chain, Contact, Segment


def may_enter(request: HttpRequest) -> bool:
    return request.user.has_perm("triggers.enter_chain")


class EnterContacts(Page):
    """The action of the contacts' list."""

    actions = ["put_into_chain"]

    def has_enter_permission(self, request: HttpRequest) -> bool:
        return may_enter(request)

    @admin.action(description=gettext_lazy("Put into a chain…"), permissions=["enter"])
    def put_into_chain(self, request: HttpRequest, queryset: QuerySet[Contact]) -> HttpResponse | None:
        """First which chain, for so many contacts; then, with that button, it is done."""
        key = request.POST.get("chain", "")
        # PostgreSQL cannot even look for a NUL.
        live = Chain.objects.live().filter(key=key).first() if "\0" not in key else None
        if "confirmed" in request.POST and live:
            # A button that is pressed twice puts nobody in twice.
            count = enter(live.key, queryset, key=request.POST.get("once", "")[:32])
            text = ngettext(
                "%(count)s contact enters “%(chain)s”.", "%(count)s contacts enter “%(chain)s”.", count
            )
            self.message_user(request, text % {"count": count, "chain": live}, messages.SUCCESS)
            return None
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Put into a chain"),
            "media": self.media,
            "count": queryset.count(),
            "chains": Chain.objects.live(),
            "chosen": request.POST.getlist(helpers.ACTION_CHECKBOX_NAME),
            "checkbox": helpers.ACTION_CHECKBOX_NAME,
            "across": request.POST.get("select_across", "0"),
            "once": uuid.uuid4().hex,
        }
        return TemplateResponse(request, "triggers/admin/enter_contacts.html", context)


class SegmentForm(forms.Form):
    segment = forms.ModelChoiceField(
        Segment.objects.all(), to_field_name="key", label=gettext_lazy("Segment")
    )


class EnterSegment(StepPages):
    """The page of a chain that puts a whole segment in."""

    def enter_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.enter_view)
        return [path("<int:chain_id>/enter/", view, name="triggers_chain_enter")]

    def enter_view(self, request: HttpRequest, chain_id: int) -> HttpResponse:
        """GET asks which segment, a first POST says how many they are, a second one lets them in."""
        if not may_enter(request):
            raise PermissionDenied
        chain = self.find_chain(request, chain_id, "view")
        form = SegmentForm(request.POST if request.method == "POST" else None)
        count: int | None = None
        if form.is_valid():
            segment = form.cleaned_data["segment"]
            try:
                if "confirmed" in request.POST:
                    enter_segment(chain.key, segment.key, key=request.POST.get("once", "")[:32])
                    text = _("The contacts of “%(segment)s” enter from now on, in an even flow.")
                    self.log_change(request, chain, text % {"segment": segment})
                    self.message_user(request, text % {"segment": segment}, messages.SUCCESS)
                    return self.back_to(chain)
                count = contacts_in(segment.key).count()
            except TriggersError as error:
                form.add_error("segment", str(error))
        context: dict[str, Any] = self.page_context(request, chain, _("Put a segment into the chain")) | {
            "form": form,
            "count": count,
            "once": uuid.uuid4().hex,
        }
        return TemplateResponse(request, "triggers/admin/enter_segment.html", context)
