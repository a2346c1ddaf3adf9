"""A form field that edits a condition tree of any depth; what it accepts is what the engine accepts."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.widgets import Script
from django.utils.translation import gettext_lazy as _

from triggers.conditions.base import Condition, bind, conditions
from triggers.conditions.group import Group
from triggers.exceptions import InvalidConfig, UnknownKind
from triggers.forms import FormContext, KindForm, filter_line

# Text fields that suggest what exists in the shop, and the `<datalist>` the page has for them.
SUGGESTED = {"event": "tc-events", "never": "tc-events", "tag": "tc-tags"}


class ConditionWidget(forms.Textarea):
    """A textarea of JSON that a script turns into rows; `kinds` describes every condition's form to it."""

    template_name = "triggers/admin/condition_widget.html"
    kinds: list[dict[str, Any]] = []

    class Media:
        js = [Script("triggers/admin/condition.js", type="module")]

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        description = {"kinds": self.kinds, "words": {key: str(word) for key, word in WORDS.items()}}
        number = context["widget"]["attrs"].get("id", f"id_{name}")
        return context | {"description": description, "description_id": f"{number}_description"}


# What the script writes on its buttons and labels.
WORDS = {
    "group": _("Which of these must hold"),
    "kind": _("Question"),
    "add": _("Add a condition"),
    "addGroup": _("Add a group"),
    "intoGroup": _("Into a group"),
    "remove": _("Remove"),
    "removeGroup": _("Remove the group"),
    "unknown": _("This condition is of a kind that is not installed:"),
}


class ConditionField(forms.CharField):
    """Cleans to the stored form of a condition, `{"kind": …}`."""

    widget = ConditionWidget

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.context = FormContext()

    def use_context(self, context: FormContext) -> None:
        self.context = context
        self.widget.kinds = describe_kinds(context)

    def prepare_value(self, value: Any) -> Any:
        if value is None or isinstance(value, str):
            return value
        return json.dumps(_as_written(value), ensure_ascii=False)

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text or text == "null":
            return None
        try:
            tree = self._cleaned(json.loads(text))
            bind(tree)
            # A lone surrogate can stand in JSON, but in no database.
            json.dumps(tree, ensure_ascii=False).encode()
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ValidationError(_("This is not a condition.")) from None
        except (InvalidConfig, UnknownKind) as error:
            raise ValidationError(str(error)) from None
        return tree

    def _cleaned(self, raw: Any) -> Any:
        """The tree with every leaf passed through its kind's own form."""
        if not isinstance(raw, dict) or not isinstance(raw.get("kind"), str) or raw["kind"] not in conditions:
            raise ValidationError(_("Choose what to ask."))
        kind = conditions.get(raw["kind"])
        if not _is_offered(kind, self.context):
            raise ValidationError(_("%(kind)s: only a chain can ask this.") % {"kind": kind.label})
        if isinstance(kind, Group):
            members = raw.get("of")
            if not isinstance(members, list) or not members:
                raise ValidationError(_("A group needs at least one condition."))
            return {"kind": kind.key, "of": [self._cleaned(member) for member in members]}
        form = kind.form_class(data=_as_post(raw), context=self.context)
        if not form.is_valid():
            raise ValidationError(_leaf_errors(kind.label, form))
        return {"kind": kind.key, **form.as_config()}


def describe_kinds(context: FormContext) -> list[dict[str, Any]]:
    """Every condition kind with the fields of its form, as plain data for the script."""
    described = []
    for kind in conditions:
        if not _is_offered(kind, context):
            continue
        form = kind.form_class(context=context)
        described.append(
            {
                "key": kind.key,
                "label": str(kind.label),
                "group": isinstance(kind, Group),
                "fields": [_describe_field(form, name, field) for name, field in form.fields.items()],
            }
        )
    return described


def _is_offered(kind: Condition, context: FormContext) -> bool:
    return kind.is_for_segments() or not context.is_for_segment


def _describe_field(form: KindForm, name: str, field: forms.Field) -> dict[str, Any]:
    choices = getattr(field, "choices", None)
    return {
        "name": name,
        "label": str(field.label or name),
        "help": str(field.help_text),
        "type": _input_type(field),
        "required": field.required,
        "initial": field.initial,
        "placeholder": str(field.widget.attrs.get("placeholder", "")),
        "suggestions": SUGGESTED.get(name),
        "shownWhen": form.shown_when.get(name),
        "choices": [[str(value), str(label)] for value, label in choices] if choices is not None else None,
    }


def _input_type(field: forms.Field) -> str:
    if isinstance(field, forms.ChoiceField):
        return "select"
    if isinstance(field, forms.BooleanField):
        return "checkbox"
    if isinstance(field, forms.DateField):
        return "date"
    if isinstance(field, forms.FloatField):
        return "decimal"
    if isinstance(field, forms.IntegerField):
        return "number"
    return "textarea" if isinstance(field.widget, forms.Textarea) else "text"


def _as_written(raw: Any) -> Any:
    """A stored tree with every value as its form field shows it, filters as lines for example."""
    if not isinstance(raw, dict) or not isinstance(raw.get("kind"), str) or raw["kind"] not in conditions:
        return raw
    kind = conditions.get(raw["kind"])
    if isinstance(kind, Group):
        members = raw.get("of")
        return raw | {"of": [_as_written(member) for member in members]} if isinstance(members, list) else raw
    stored = kind.form_class.initial_of({name: value for name, value in raw.items() if name != "kind"})
    fields = kind.form_class.base_fields
    # What was stored without a value has the default that the form shows.
    usual = {
        name: field.initial for name, field in fields.items() if field.required and field.initial is not None
    }
    return (
        {"kind": kind.key}
        | usual
        | {
            name: fields[name].prepare_value(value) if name in fields else value
            for name, value in stored.items()
        }
    )


def _as_post(raw: dict[str, Any]) -> dict[str, Any]:
    """Stored values as a form would post them; filters come as lines or as they are stored."""
    post = dict(raw)
    if isinstance(post.get("filters"), list):
        post["filters"] = "\n".join(filter_line(one) for one in post["filters"] if isinstance(one, dict))
    return post


def _leaf_errors(label: Any, form: forms.Form) -> list[str]:
    return [
        f"{label}: {form.fields[name].label if name in form.fields else ''} {error}"
        for name, errors in form.errors.items()
        for error in errors
    ]
