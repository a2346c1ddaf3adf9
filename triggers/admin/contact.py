"""Contacts: who they are, what they agreed to, and their story."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, Prefetch, QuerySet
from django.forms import BaseModelFormSet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils.formats import date_format
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from triggers import consent
from triggers.admin.base import change_url, may
from triggers.admin.contact_form import ContactForm
from triggers.admin.enter import EnterContacts
from triggers.admin.erase import ADDRESS as ERASE
from triggers.admin.erase import erase_view, may_erase
from triggers.admin.merge import ADDRESS as MERGE
from triggers.admin.merge import may_merge, merge_view
from triggers.admin.search import find_contact_ids
from triggers.admin.story import story_context
from triggers.analytics.timeline import Part
from triggers.models import (
    Channel,
    Consent,
    Contact,
    ContactTag,
    Event,
    Journey,
    Message,
    OptOut,
    SuppressionReason,
)
from triggers.suppressions import find_suppressions


class TagInline(admin.TabularInline):
    model = ContactTag
    extra = 0
    classes = ["collapse"]


class ConsentInline(admin.TabularInline):
    """Changed through the verbs of `triggers.consent`, so a change is an event and lifts or sets suppressions."""

    model = Consent
    extra = 0
    max_num = 2
    can_delete = False
    fields = ["channel", "is_granted", "source", "text", "said_at"]
    readonly_fields = ["said_at"]
    classes = ["collapse"]
    formfield_overrides = {}

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "text":
            kwargs["widget"] = forms.Textarea(attrs={"rows": 2, "cols": 40})
        return super().formfield_for_dbfield(db_field, request, **kwargs)


class OptOutInline(admin.TabularInline):
    model = OptOut
    extra = 0
    fields = ["topic", "source", "said_at"]
    readonly_fields = ["said_at"]
    classes = ["collapse"]

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A word of the contact is added or taken back, never rewritten."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may(request, "view", OptOut) or may(request, "change", OptOut)


@admin.register(Contact)
class ContactAdmin(EnterContacts):
    form = ContactForm
    change_form_template = "triggers/admin/contact_change.html"
    list_display = ["__str__", "email", "phone", "external_id", "language", "tag_names", "created_at"]
    list_filter = ["language", "created_at", "consents__is_granted"]
    ordering = ["-pk"]
    search_fields = ["email"]
    search_help_text = _("E-mail address or its beginning, phone, name or customer number")
    readonly_fields = ["reachable", "uid", "created_at", "updated_at"]
    fieldsets = [
        (None, {"fields": [("first_name", "last_name"), ("email", "phone"), "reachable"]}),
        (_("Details"), {
            "fields": ["external_id", ("language", "time_zone"), "birthday", "attributes"], "classes": ["collapse"],
        }),
        (_("Technical"), {"fields": ["uid", ("created_at", "updated_at")], "classes": ["collapse"]}),
    ]  # fmt: skip
    inlines = [TagInline, ConsentInline, OptOutInline]
    actions = ["put_into_chain", "merge_selected", "erase_selected"]

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        merge, erase = wrap(partial(merge_view, self)), wrap(partial(erase_view, self))
        return [
            path("merge/<int:kept>/<int:gone>/", merge, name="triggers_contact_merge"),
            path("<int:pk>/erase/", erase, name="triggers_contact_erase"),
            *super().get_urls(),
        ]

    def has_merge_permission(self, request: HttpRequest) -> bool:
        return may_merge(request)

    def has_erase_permission(self, request: HttpRequest) -> bool:
        return may_erase(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody writes to a contact that was erased."""
        is_erased = isinstance(obj, Contact) and obj.erased_at is not None
        return not is_erased and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Not from here: journeys may only be ended, and data only be erased, under the engine's locks."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contact]:
        return (
            super()
            .get_queryset(request)
            .filter(merged_into=None)
            .prefetch_related(Prefetch("tags", ContactTag.objects.order_by("name")))
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet, search_term: str
    ) -> tuple[QuerySet, bool]:
        if not search_term.strip():
            return queryset, False
        return queryset.filter(pk__in=find_contact_ids(search_term)), False

    @admin.display(description=_("tags"))
    def tag_names(self, contact: Contact) -> str:
        return ", ".join(tag.name for tag in contact.tags.all()) or "–"

    @admin.display(description=_("marketing"))
    def reachable(self, contact: Contact) -> SafeString | str:
        """Whether marketing may be sent, channel by channel, and what forbids it."""
        if contact.pk is None:
            return "–"
        said = {one.channel: one for one in contact.consents.all()}
        addresses = {channel: consent.address_key(contact, channel) for channel in Channel}
        suppressed = find_suppressions(set(addresses.values()) - {""})
        rows = []
        for channel, address in addresses.items():
            stop = suppressed.get((channel.value, address))
            rows.append((channel.label, *_standing(address, said.get(channel.value), stop)))
        return format_html_join("", '<div class="tc-reach">{}: <span class="{}">{} {}</span></div>', rows)

    @admin.action(description=_("Merge two contacts…"), permissions=["merge"])
    def merge_selected(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        """The older one stays, unless the page is turned round."""
        chosen = list(queryset.order_by("pk").values_list("pk", flat=True)[:3])
        if len(chosen) == 2:
            return HttpResponseRedirect(reverse(MERGE, args=chosen))
        self.message_user(request, gettext("Select exactly two contacts."), messages.WARNING)
        return None

    @admin.action(description=_("Erase…"), permissions=["erase"])
    def erase_selected(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        chosen = list(queryset.filter(erased_at=None).values_list("pk", flat=True)[:2])
        if len(chosen) == 1:
            return HttpResponseRedirect(reverse(ERASE, args=chosen))
        self.message_user(request, gettext("Select one contact that is not erased yet."), messages.WARNING)
        return None

    def save_model(self, request: HttpRequest, obj: Contact, form: Any, change: bool) -> None:
        """Only what was changed: a chain may be changing the same contact's attributes this moment."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        changed = [name for name in form.changed_data if name in form.cleaned_data]
        changed += ["email_key"] if "email" in changed else []
        if changed:
            obj.save(update_fields=[*changed, "updated_at"])

    def save_formset(self, request: HttpRequest, form: Any, formset: BaseModelFormSet, change: bool) -> None:
        if formset.model is Consent:
            self._save_consents(formset)
        elif formset.model is OptOut:
            self._save_opt_outs(form.instance, formset)
        else:
            super().save_formset(request, form, formset, change)

    def _save_consents(self, formset: BaseModelFormSet) -> None:
        for said in formset.save(commit=False):
            if said.is_granted:
                consent.grant(said.contact, said.channel, source=said.source, text=said.text)
            else:
                consent.withdraw(said.contact, said.channel, source=said.source)

    def _save_opt_outs(self, contact: Contact, formset: BaseModelFormSet) -> None:
        for said in formset.save(commit=False):
            consent.opt_out(contact, said.topic, source=said.source)
        for taken_back in formset.deleted_objects:
            consent.opt_in(contact, taken_back.topic)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict | None = None
    ) -> HttpResponse:
        contact = self.get_object(request, object_id) if request.method == "GET" else None
        if contact is None and (became := _became(object_id)):
            messages.info(request, gettext("Contact #%(number)s became this one.") % {"number": object_id})
            return HttpResponseRedirect(change_url(became))
        if contact is not None and self.has_view_permission(request, contact):
            seen = [
                part
                for part, model in PARTS.items()
                if may(request, "view", model) or may(request, "change", model)
            ]
            extra_context = (extra_context or {}) | story_context(contact, seen, request.GET.get("until", ""))
            extra_context["may_erase"] = may_erase(request) and contact.erased_at is None
        # `until` is a place in the story, not a filter that the list should be asked to keep.
        return super().change_view(request, object_id, form_url, extra_context)


def _became(text: str) -> Contact | None:
    """The contact that the one with this number became."""
    is_number = text.isascii() and text.isdigit() and len(text) < 19
    return Contact.objects.filter(merged=int(text)).first() if is_number else None


def _standing(address: str, said: Consent | None, stop: str | None) -> tuple[str, str, str]:
    """Tone, icon and words of one channel."""
    if not address:
        return "", "–", gettext("no address")
    if stop:
        return "tc-bad", "✘", gettext("suppressed: %(reason)s") % {"reason": SuppressionReason(stop).label}
    if said is None:
        return "", "✘", gettext("has not been asked")
    moment = {"moment": date_format(localtime(said.said_at)), "source": said.source}
    if said.is_granted:
        return "tc-good", "✔", gettext("agreed on %(moment)s (%(source)s)") % moment
    return "tc-bad", "✘", gettext("withdrawn on %(moment)s (%(source)s)") % moment


PARTS: dict[Part, type[Model]] = {"event": Event, "transition": Journey, "message": Message}
