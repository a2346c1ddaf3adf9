"""Change the contact: tags, attributes, language."""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.core.kinds import View
from triggers.core.values import ChangeContact, Go, Reason, Value
from triggers.forms import KindForm
from triggers.steps.base import Step, steps

# What a chain may set, with the most characters its column holds. Never addresses, names or consents: those are the
# contact's own words.
CHANGEABLE_FIELDS = {"language": 10, "time_zone": 64}
MOST_TAG_CHARS = 64
TagName = Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_TAG_CHARS)]


class ChangeContactConfig(Value, frozen=True, forbid_unknown_fields=True):
    fields: dict[str, str] = {}
    attributes: dict[str, str | int | float | bool | None] = {}
    add_tags: tuple[TagName, ...] = ()
    remove_tags: tuple[TagName, ...] = ()

    def __post_init__(self) -> None:
        if not (self.fields or self.attributes or self.add_tags or self.remove_tags):
            raise ValueError("nothing to change")
        for name, value in self.fields.items():
            if name not in CHANGEABLE_FIELDS:
                raise ValueError(f"a chain cannot change {name!r}")
            if len(value) > CHANGEABLE_FIELDS[name]:
                raise ValueError(f"{name} has at most {CHANGEABLE_FIELDS[name]} characters")


class TagsField(forms.CharField):
    """Tags with commas between them."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        # Here, while it is text: the field itself would look for NUL and length in the list.
        self.run_validators(text)
        tags = [tag.strip() for tag in text.split(",") if tag.strip()]
        if any(len(tag) > MOST_TAG_CHARS for tag in tags):
            raise ValidationError(
                _("A tag has at most %(most)s characters."), params={"most": MOST_TAG_CHARS}
            )
        return tags

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) or value is None else ", ".join(value)


class AttributesField(forms.CharField):
    """Attributes, one a line: `size = XL`."""

    widget = forms.Textarea(attrs={"rows": 2, "placeholder": "size = XL"})
    line = re.compile(r"(?P<name>[A-Za-z_]\w{0,63})\s*=\s*(?P<value>.*)\Z")

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        self.run_validators(text)
        attributes = {}
        for line in text.splitlines():
            found = self.line.match(line.strip())
            if line.strip() and not found:
                raise ValidationError(
                    _("“%(line)s” is not an attribute; write: name = value"), params={"line": line}
                )
            if found:
                attributes[found["name"]] = found["value"]
        return attributes

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, str) or value is None:
            return value
        return "\n".join(f"{name} = {one}" for name, one in value.items())


class ChangeContactForm(KindForm):
    add_tags = TagsField(
        label=_("Add tags"), max_length=500, required=False, help_text=_("With commas between them.")
    )
    remove_tags = TagsField(label=_("Remove tags"), max_length=500, required=False)
    attributes = AttributesField(label=_("Set attributes"), max_length=5000, required=False)
    language = forms.CharField(label=_("Set language"), max_length=10, required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not any(data.values()):
            raise ValidationError(_("Say what to change."))
        return data

    def as_config(self) -> dict[str, Any]:
        config = super().as_config()
        language = config.pop("language", None)
        return {name: value for name, value in config.items() if value} | (
            {"fields": {"language": language}} if language else {}
        )

    @classmethod
    def initial_of(cls, config: dict[str, Any]) -> dict[str, Any]:
        return {**config, "language": config.get("fields", {}).get("language", "")}


@steps.register
class ChangeContactStep(Step):
    key = "change_contact"
    label = _("Change the contact")
    icon = "✎"
    Config = ChangeContactConfig
    form_class = ChangeContactForm

    def decide(self, config: ChangeContactConfig, view: View) -> Go:
        effect = ChangeContact(config.fields, config.attributes, config.add_tags, config.remove_tags)
        return Go(Reason(gettext_noop("Contact changed: %(changes)s"), {"changes": _changes(config)}), effect)

    def describe(self, config: ChangeContactConfig) -> Reason:
        return Reason(gettext_noop("Change the contact: %(changes)s"), {"changes": _changes(config)})


def _changes(config: ChangeContactConfig) -> list[str]:
    return [
        *(f"+{tag}" for tag in config.add_tags),
        *(f"−{tag}" for tag in config.remove_tags),
        *(f"{name} = {value}" for name, value in {**config.fields, **config.attributes}.items()),
    ]
