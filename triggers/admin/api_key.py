"""API keys: made here, shown once, revoked; never changed, so that what a key may do is what it was given for."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from triggers.admin.base import Page
from triggers.api.keys import make_key
from triggers.core.events import EVENT_NAME
from triggers.models import ApiKey
from triggers.models.api import ANY_EVENT

RIGHT = "triggers.manage_api_keys"


class EventNames(forms.CharField):
    """Names with blanks or commas between them; `*` is all."""

    def clean(self, value: Any) -> list[str]:
        names = sorted(set(re.split(r"[\s,]+", super().clean(value))) - {""})
        for name in names:
            if name != ANY_EVENT and not EVENT_NAME.match(name):
                raise ValidationError(_("%(name)s is not an event name."), params={"name": name[:64]})
        return names

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(data)


class ApiKeyForm(forms.ModelForm):
    events = EventNames(
        label=_("Events"),
        required=False,
        max_length=5_000,
        help_text=_(
            "Names of the events that it may send, with blanks between them; * for all; empty for none."
        ),
    )

    class Meta:
        model = ApiKey
        fields = ["name", "kind", "events", "may_write_contacts"]


@admin.register(ApiKey)
class ApiKeyAdmin(Page):
    form = ApiKeyForm
    list_display = [
        "name",
        "prefix",
        "kind_name",
        "event_names",
        "may_write_contacts",
        "state",
        "last_used_at",
        "created_by",
    ]
    list_filter = ["kind"]
    list_select_related = ["created_by"]
    search_fields = ["name", "prefix"]
    ordering = ["name", "-pk"]
    actions = ["revoke"]
    shown = [
        "name",
        "prefix",
        "kind",
        "event_names",
        "may_write_contacts",
        "state",
        "last_used_at",
        "created_at",
        "created_by",
    ]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(RIGHT)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(RIGHT)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(RIGHT)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A key that is gone could not be told from one that never was."""
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(RIGHT)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[Any]:
        return list(self.shown) if obj else list(ApiKeyForm.Meta.fields)

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        return list(self.shown) if obj else []

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        made, text = make_key(**form.cleaned_data, created_by=request.user)
        obj.pk, obj.prefix = made.pk, made.prefix
        request.made_key = text  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The key's page, once with the key on it. It goes into no session and no log."""
        context = {
            **self.admin_site.each_context(request),
            "title": _("The key of %(name)s") % {"name": obj.name},
            "opts": self.opts,
            "key": request.made_key,  # type: ignore[attr-defined]
            "row": obj,
            "media": self.media,
        }
        response = TemplateResponse(request, "triggers/admin/api_key_made.html", context)
        response["Cache-Control"] = "no-store, private"
        return response

    @admin.action(description=_("Revoke the selected keys"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        count = queryset.filter(revoked_at=None).update(revoked_at=timezone.now())
        text = ngettext("%(count)s key is valid no longer.", "%(count)s keys are valid no longer.", count)
        self.message_user(request, text % {"count": count}, messages.SUCCESS)

    @admin.display(description=_("kind"), ordering="kind")
    def kind_name(self, key: ApiKey) -> str:
        return key.get_kind_display().partition(":")[0]

    @admin.display(description=_("events"))
    def event_names(self, key: ApiKey) -> str:
        return str(_("all")) if ANY_EVENT in key.events else ", ".join(key.events) or "–"

    @admin.display(description=_("state"), ordering="revoked_at")
    def state(self, key: ApiKey) -> SafeString:
        style, text = ("tc-bad", _("revoked")) if key.revoked_at else ("tc-good", _("valid"))
        return format_html('<span class="tc-badge {}">{}</span>', style, text)
