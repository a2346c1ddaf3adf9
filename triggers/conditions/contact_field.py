"""Is a field or an attribute of the contact so?"""

from __future__ import annotations

import difflib

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.conditions.base import Condition, Verdict, conditions
from triggers.conditions.operators import NEEDS_NO_VALUE, OPERATOR_CHOICES, operator_word, require_value
from triggers.core.criteria import FieldIs
from triggers.core.kinds import View
from triggers.core.payload import Operator, compare
from triggers.core.values import Fact, Reason, Value
from triggers.forms import KindForm

FIELDS = {
    "email": _("E-mail address"),
    "phone": _("Phone"),
    "first_name": _("First name"),
    "last_name": _("Last name"),
    "language": _("Language"),
    "time_zone": _("Time zone"),
    "birthday": _("Birthday"),
}


class ContactFieldConfig(Value, frozen=True, forbid_unknown_fields=True):
    """`field` is a name of FIELDS, or `attributes.` and a name of the shop's own."""

    field: str
    op: Operator = "eq"
    value: str | int | float | bool | None = None

    def __post_init__(self) -> None:
        name = self.field.removeprefix("attributes.")
        if self.field not in FIELDS and (name == self.field or not name):
            raise ValueError(f"no contact field {self.field!r}{_did_you_mean(self.field)}")
        require_value(self.op, self.value)


def _did_you_mean(name: str) -> str:
    close = difflib.get_close_matches(name, [*FIELDS, f"attributes.{name}"], 1)
    return f"; did you mean {close[0]!r}?" if close else ""


class ContactFieldForm(KindForm):
    field = forms.CharField(
        label=_("Field"), max_length=100, help_text=_("language, birthday, attributes.size …")
    )
    op = forms.ChoiceField(label=_("is"), choices=OPERATOR_CHOICES)
    value = forms.CharField(label=_("Value"), max_length=500, required=False)


@conditions.register
class ContactField(Condition):
    key = "contact_field"
    label = _("Field of the contact")
    Config = ContactFieldConfig
    form_class = ContactFieldForm

    def needs(self, config: ContactFieldConfig) -> tuple[Fact, ...]:
        return (Fact("contact_field", (config.field,)),)

    def evaluate(self, config: ContactFieldConfig, view: View) -> Verdict:
        seen = view.fact(Fact("contact_field", (config.field,)))
        return Verdict(compare(config.op, seen, config.value), seen)

    def criterion(self, config: ContactFieldConfig) -> FieldIs:
        return FieldIs(config.field, config.op, config.value)

    def describe(self, config: ContactFieldConfig) -> Reason:
        data = {"field": config.field, "op": operator_word(config.op), "value": config.value}
        if config.op in NEEDS_NO_VALUE:
            return Reason(gettext_noop("contact's %(field)s %(op)s"), data)
        return Reason(gettext_noop("contact's %(field)s %(op)s %(value)s"), data)
