"""Source rules: which changes of the shop's models are events, with a look at what they would give."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from triggers.admin.base import Page, may_see_contacts, pretty_json
from triggers.core.events import EVENT_NAME
from triggers.models import Change, SourceRule
from triggers.payloads import clean_data
from triggers.sources.paths import allowed_fields, allowed_models
from triggers.sources.rules import RuleSource, check_rule

RIGHT = "triggers.manage_sources"
PREVIEWED = 10
NEEDS = {
    Change.CHANGED: ("field",),
    Change.BECAME: ("field", "value"),
    Change.FELL: ("field", "percent"),
    Change.ROSE: ("field", "percent"),
}


class Paths(forms.CharField):
    """Paths with blanks or commas between them."""

    def clean(self, value: Any) -> list[str]:
        return list(dict.fromkeys(one for one in re.split(r"[\s,]+", super().clean(value)) if one))

    def prepare_value(self, value: Any) -> Any:
        return " ".join(value) if isinstance(value, list) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return self.prepare_value(initial or []) != (data or "")


class SourceRuleForm(forms.ModelForm):
    model = forms.ChoiceField(label=_("Model"))
    field = forms.ChoiceField(label=_("Field"), required=False)
    data_paths = Paths(
        label=_("Data"),
        required=False,
        max_length=1_000,
        help_text=_(
            "Fields that the event tells, with blanks between them; also of related models: category.name"
        ),
    )

    class Meta:
        model = SourceRule
        fields = [
            "event",
            "is_on",
            "model",
            "change",
            "field",
            "value",
            "percent",
            "contact_path",
            "data_paths",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        models = allowed_models()
        choices: list[Any] = [
            (one._meta.label, f"{one._meta.label} ({one._meta.verbose_name})") for one in models
        ]
        groups = [(one._meta.label, [(name, name) for name in allowed_fields(one)]) for one in models]
        self.fields["model"].choices = choices  # type: ignore[attr-defined]
        self.fields["field"].choices = [("", "–"), *groups]  # type: ignore[attr-defined]
        if not models:
            self.fields["model"].help_text = _("The setting SOURCE_MODELS names no models yet.")

    def clean_event(self) -> str:
        name: str = self.cleaned_data["event"]
        if not EVENT_NAME.match(name):
            raise ValidationError(_("A name is snake_case, at most 64 characters."))
        return name

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        needed = NEEDS.get(data.get("change", ""), ())
        for name in needed:
            if data.get(name) in ("", None) and name not in self.errors:
                self.add_error(name, _("This change needs it."))
        if not self.errors:
            rule = SourceRule(**{name: data[name] for name in self.Meta.fields})
            model = next(one for one in allowed_models() if one._meta.label == data["model"])
            try:
                check_rule(rule, model)
            except ValidationError as error:
                self.add_error(None, error)
        return data


@dataclass(frozen=True, slots=True)
class Previewed:
    """What one row would have given."""

    row: str
    contact: str
    data: Any
    problem: str = ""


def preview(rule: SourceRule) -> list[Previewed]:
    """What the last rows would have given, had the change just happened to them."""
    model = next((one for one in allowed_models() if one._meta.label == rule.model), None)
    if model is None:
        return []
    check_rule(rule, model)
    source = RuleSource(model, [rule])
    return [_previewed(source, row) for row in model._base_manager.order_by("-pk")[:PREVIEWED]]


def _previewed(source: RuleSource, row: Model) -> Previewed:
    try:
        with transaction.atomic():
            who, data, ref = source.answers(source.events[0], row)
            return Previewed(ref, str(who or ""), clean_data(data))
    except Exception as error:
        return Previewed(str(row.pk), "", {}, str(error))


@admin.register(SourceRule)
class SourceRuleAdmin(Page):
    form = SourceRuleForm
    list_display = ["event", "model", "change_shown", "is_on", "updated_at"]
    list_filter = ["is_on", "change"]
    ordering = ["model", "event"]
    readonly_fields = ["preview"]
    fieldsets = [
        (None, {
            "fields": [("event", "is_on"), ("model", "change"), ("field", "value", "percent"), "contact_path", "data_paths"],
            "description": _("Takes effect in all processes within a second. bulk_create() and update() send no signals, so nobody hears of them here."),
        }),
        (_("What the last rows would have given"), {"fields": ["preview"]}),
    ]  # fmt: skip

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(RIGHT)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(RIGHT)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(RIGHT)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(RIGHT)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(RIGHT)

    def get_fieldsets(self, request: HttpRequest, obj: SourceRule | None = None) -> Any:
        return self.fieldsets if obj and may_see_contacts(request) else self.fieldsets[:1]

    def get_readonly_fields(self, request: HttpRequest, obj: SourceRule | None = None) -> list[str]:
        return ["preview"] if obj else []

    @admin.display(description=_("change"))
    def change_shown(self, rule: SourceRule) -> str:
        parts = [
            rule.field,
            str(rule.get_change_display()),
            rule.value,
            f"{rule.percent:g} %" if rule.percent else "",
        ]
        return " · ".join(part for part in parts if part)

    @admin.display(description=_("rows"))
    def preview(self, rule: SourceRule) -> SafeString | str:
        try:
            rows = preview(rule)
        except ValidationError as error:
            return format_html('<span class="tc-bad">{}</span>', " ".join(error.messages))
        if not rows:
            return str(_("There are no rows yet."))
        head = format_html("<tr><th>{}</th><th>{}</th><th>{}</th></tr>", _("row"), _("contact"), _("data"))
        cells = (
            (one.row, one.problem or one.contact or _("nobody: no event"), pretty_json(one.data))
            for one in rows
        )
        body = format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td></tr>", cells)
        return format_html('<div class="tc-scroll"><table>{}{}</table></div>', head, body)
