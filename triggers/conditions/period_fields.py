"""The form fields of a period, shared by the conditions that look at one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.dates import MONTHS
from django.utils.translation import gettext_lazy as _

from triggers.core.periods import EARLIEST, LATEST, MOST_DAYS
from triggers.forms import KindForm

FIELDS = ("days", "first", "last", "month", "years_ago")
# Which of the fields each kind of period reads.
READ: dict[str, tuple[str, ...]] = {
    "ever": (),
    "days": ("days",),
    "dates": ("first", "last"),
    "month": ("month", "years_ago"),
}
KINDS = [
    ("ever", _("ever")),
    ("days", _("in the last … days")),
    ("dates", _("from one day to another")),
    ("month", _("in a month of some year")),
]
YEARS = [
    ("0", _("this year")),
    ("1", _("last year")),
    ("2", _("the year before last")),
    ("3", _("three years ago")),
]


class PeriodForm(KindForm):
    """Stored as `{"period": {"kind": "days", "days": 30}}`; the fields stand side by side."""

    period = forms.ChoiceField(label=_("When"), choices=KINDS, initial="ever")
    days = forms.IntegerField(
        label=_("Within the last … days"), min_value=1, max_value=MOST_DAYS, required=False
    )
    first = forms.DateField(
        label=_("First day"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    last = forms.DateField(
        label=_("Last day"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    month = forms.TypedChoiceField(
        label=_("Month"), choices=[("", "–"), *MONTHS.items()], coerce=int, required=False
    )
    years_ago = forms.TypedChoiceField(label=_("Of which year"), choices=YEARS, coerce=int, required=False)

    # The script shows a field only while another one has one of these values.
    shown_when = {
        name: ("period", tuple(kind for kind, read in READ.items() if name in read)) for name in FIELDS
    }

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for name in READ.get(data.get("period", ""), ()):
            if data.get(name) in (None, "") and name not in self.errors and name != "years_ago":
                self.add_error(name, ValidationError(_("This is needed for “when”.")))
        for name in ("first", "last"):
            if data.get(name) and not EARLIEST <= data[name] <= LATEST:
                self.add_error(name, ValidationError(_("There is no such day in this shop's calendar.")))
        first, last = data.get("first"), data.get("last")
        if data.get("period") == "dates" and first and last and last < first:
            self.add_error("last", ValidationError(_("The last day is before the first.")))
        return data

    def as_config(self) -> dict[str, Any]:
        config = super().as_config()
        kind = config.pop("period")
        given = {name: config.pop(name, None) for name in FIELDS}
        period = {name: given[name] for name in READ[kind] if given[name] not in (None, "")}
        for name in ("first", "last"):
            if name in period:
                period[name] = period[name].isoformat()
        return config | ({"period": {"kind": kind, **period}} if kind != "ever" else {})

    @classmethod
    def initial_of(cls, config: dict[str, Any]) -> dict[str, Any]:
        period = config.get("period")
        if not isinstance(period, dict):
            return config
        rest = {name: value for name, value in config.items() if name != "period"}
        return (
            rest
            | {name: value for name, value in period.items() if name in FIELDS}
            | {"period": period.get("kind")}
        )
