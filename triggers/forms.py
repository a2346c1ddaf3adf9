"""Base form of every kind's settings, and the two field types that kinds share."""

from __future__ import annotations

import re
from typing import Any, ClassVar, get_args

import msgspec
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from triggers.core.payload import Operator, PayloadFilter

Choices = tuple[tuple[str, str], ...]


class FormContext(msgspec.Struct, frozen=True):
    """What exists in this shop and can be chosen in a form: `(value, label)` pairs."""

    letters: Choices = ()
    texts: Choices = ()
    events: Choices = ()
    tags: tuple[str, ...] = ()
    shop_facts: Choices = ()
    message_steps: Choices = ()
    segments: Choices = ()
    topics: Choices = ()
    # Whether the form asks about all contacts, not about one journey.
    is_for_segment: bool = False


class KindForm(forms.Form):
    """Settings of one step, condition or entry. `as_config()` gives the JSON that is stored.

    `shown_when`: fields that mean something only while another one has one of some values, as `{field: (other, values)}`.
    """

    shown_when: ClassVar[dict[str, tuple[str, tuple[str, ...]]]] = {}

    def __init__(self, *args: Any, context: FormContext | None = None, **kwargs: Any) -> None:
        self.context = context or FormContext()
        super().__init__(*args, **kwargs)
        self.use_context()

    def use_context(self) -> None:
        """Fill choices from `self.context`; kinds override this."""

    def as_config(self) -> dict[str, Any]:
        """The cleaned values as stored; what was left empty is left out, so the kind's default applies."""
        return {name: value for name, value in self.cleaned_data.items() if value not in (None, "", [], ())}

    @classmethod
    def initial_of(cls, config: dict[str, Any]) -> dict[str, Any]:
        """The form's initial values for a stored config."""
        return config


class AudienceForm(KindForm):
    """Settings of an entry kind that looks at a segment's contacts only."""

    segment = forms.ChoiceField(
        label=_("Who"),
        required=False,
        help_text=_("Looked at when the moment comes, not when the chain is published."),
    )

    def use_context(self) -> None:
        choices = [("", _("everybody")), *self.context.segments]
        self.fields["segment"].choices = choices  # type: ignore[attr-defined]


def clock_field(label: Any = None, **kwargs: Any) -> forms.TimeField:
    """A time of day on the contact's own clock."""
    return forms.TimeField(
        label=label or _("at"),
        input_formats=["%H:%M", "%H:%M:%S"],
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
        help_text=_("In the contact's own time zone, or the shop's when that is not known."),
        **kwargs,
    )


_SYMBOLS: dict[str, Operator] = {"=": "eq", "!=": "ne", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_WORDS = {symbol: symbol for symbol in get_args(Operator)} | {op: symbol for symbol, op in _SYMBOLS.items()}
_LINE = re.compile(
    r"(?P<path>[\w.\-]+)\s*(?P<op>!=|>=|<=|=|>|<|\b(?:contains|in|exists|missing)\b)\s*(?P<value>.*)\Z"
)


class FiltersField(forms.CharField):
    """Payload filters, one a line: `value >= 1000`, `items.category = Lamps`, `coupon missing`."""

    widget = forms.Textarea(attrs={"rows": 2, "placeholder": "value >= 1000"})

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        # Here, while it is text: the field itself would look for NUL in the list.
        self.run_validators(text)
        lines = [line.strip() for line in text.splitlines()]
        return [self._filter(line) for line in lines if line]

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, str) or value is None:
            return value
        return "\n".join(filter_line(one) for one in value)

    def _filter(self, line: str) -> dict[str, Any]:
        found = _LINE.match(line)
        if not found:
            raise ValidationError(
                _("“%(line)s” is not a filter; write for example: value >= 1000"), params={"line": line}
            )
        word = found["op"]
        one = {"path": found["path"], "op": _SYMBOLS.get(word, word)}
        if word not in ("exists", "missing"):
            one["value"] = found["value"].strip()
        return one


def filter_line(one: PayloadFilter | dict[str, Any]) -> str:
    """One payload filter as it is written in a form, e.g. `value >= 1000`."""
    stored: dict[str, Any] = msgspec.to_builtins(one) if isinstance(one, PayloadFilter) else one
    value = stored.get("value")
    return f"{stored['path']} {_WORDS[stored.get('op', 'eq')]} {'' if value is None else value}".strip()
