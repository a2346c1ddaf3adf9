"""Forms of the chain's pages: the chain with its trigger, its ending events, one step."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from triggers.admin.choices import ask_to_choose, suggest
from triggers.admin.stale import chain_digest, is_stale, stale_chain_text
from triggers.admin.times import ClockInput
from triggers.conditions.fields import SUGGESTED
from triggers.core.events import EVENT_NAME
from triggers.entries import entries
from triggers.exceptions import InvalidConfig
from triggers.forms import FiltersField, FormContext, KindForm
from triggers.models import Chain, ChainRule

# Fields of the entry kind's own form stand in the chain's form under this prefix.
TRIGGER = "trigger"

EVENT_PROBLEM = _("Names of events are lower case letters, digits and _, for example add_to_cart.")


class ChainForm(forms.ModelForm):
    """A chain with the form of its entry kind in it; made for one kind by `chain_form`."""

    kind_key = ""
    context = FormContext()

    class Meta:
        model = Chain
        fields = ["name", "key", "description", "priority", "entry_kind", "quiet_from", "quiet_until"]
        widgets = {
            "description": forms.Textarea(attrs={"rows": 3}),
            "quiet_from": ClockInput,
            "quiet_until": ClockInput,
        }
        help_texts = {"key": _("Stays as it is: the shop's code and its reports may name it.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "entry_kind" in self.fields:
            self.fields["entry_kind"].widget = forms.Select(choices=_entry_choices(self.kind_key))
            self.initial["entry_kind"] = self.kind_key
        if self.kind_key in entries:
            config = self.instance.entry_config if self.instance.entry_kind == self.kind_key else {}
            stored = entries.get(self.kind_key).form_class.initial_of(
                config if isinstance(config, dict) else {}
            )
            self.initial.update({f"{TRIGGER}-{name}": value for name, value in stored.items()})

    def clean_priority(self) -> int:
        return self.cleaned_data["priority"] or 0

    def clean_entry_kind(self) -> str:
        key: str = self.cleaned_data["entry_kind"]
        if key not in entries and key != self.instance.entry_kind:
            raise forms.ValidationError(_("There is no such way to start a chain."))
        return key

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        self._clean_seen()
        if self.kind_key in entries and data.get("entry_kind") == self.kind_key:
            self._clean_trigger()
        return data

    def _clean_seen(self) -> None:
        """Nothing is overwritten that this form did not show. The lock holds until the chain is saved."""
        stored = Chain.objects.select_for_update().filter(pk=self.instance.pk).first()
        if stored is not None and is_stale(self.data, chain_digest(stored)):
            self.add_error(None, stale_chain_text(self, stored))

    def _clean_trigger(self) -> None:
        """The kind's own form has the say; its errors appear at its fields here."""
        kind = entries.get(self.kind_key)
        form = kind.form_class(data=self.data, prefix=TRIGGER, context=self.context)
        for name, errors in form.errors.items():
            place = f"{TRIGGER}-{name}" if name in form.fields else None
            if place is None or place not in self.errors:
                self.add_error(place, errors)
        if form.is_valid():
            config = form.as_config()
            try:
                kind.parse(config)
            except InvalidConfig as error:
                self.add_error(None, str(error))
            self.instance.entry_config = config


def chain_form(kind_key: str, context: FormContext) -> type[ChainForm]:
    """ChainForm with the fields of one entry kind; without them when the kind is not installed."""
    declared: dict[str, Any] = {"kind_key": kind_key, "context": context}
    for name, field in trigger_fields(kind_key, context).items():
        declared[f"{TRIGGER}-{name}"] = field
    return type("ChainForm", (ChainForm,), declared)


def trigger_fields(kind_key: str, context: FormContext) -> dict[str, forms.Field]:
    if kind_key not in entries:
        return {}
    form = entries.get(kind_key).form_class(context=context)
    suggest(form)
    return form.fields


def _entry_choices(current: str) -> list[tuple[str, Any]]:
    choices = [(kind.key, kind.label) for kind in entries]
    if current and current not in entries:
        choices.append((current, _("%(kind)s (not installed)") % {"kind": current}))
    return choices


class RuleForm(forms.ModelForm):
    """One ending event; filters are written one a line, as everywhere."""

    event = forms.RegexField(
        EVENT_NAME, label=_("event"), max_length=64, error_messages={"invalid": EVENT_PROBLEM}
    )
    filters = FiltersField(label=_("only if the data fit"), required=False)

    class Meta:
        model = ChainRule
        fields = ["role", "event", "filters", "same_object"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "event" in self.fields:
            self.fields["event"].widget.attrs["list"] = SUGGESTED["event"]


class NoteForm(forms.Form):
    """What the marketer notes at a step, for colleagues. It stands beside the kind's own fields, under a prefix."""

    prefix = "step"

    note = forms.CharField(label=_("Note"), max_length=300, required=False, help_text=_("Shown on the card."))


def step_form(form_class: type[KindForm], context: FormContext, config: Any, data: Any = None) -> KindForm:
    """A kind's form, filled with stored settings or bound to what was posted."""
    initial = form_class.initial_of(config if isinstance(config, dict) else {})
    form = form_class(data=data, initial=initial, context=context)
    suggest(form)
    ask_to_choose(form)
    return form
