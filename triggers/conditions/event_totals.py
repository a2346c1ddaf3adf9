"""How often something happened in a period, and what it added up to: three orders, 20,000 in a year."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any

import msgspec
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.conditions.base import Condition, Verdict, conditions, nested
from triggers.conditions.period_fields import PeriodForm
from triggers.core.criteria import Happened, check_event
from triggers.core.kinds import View
from triggers.core.payload import PayloadFilter
from triggers.core.periods import EVER, Period
from triggers.core.values import Fact, Reason, Value
from triggers.forms import FiltersField, filter_line

MOST_COUNT = 1_000_000
MOST_AMOUNT = 1e12
Count = Annotated[int, msgspec.Meta(ge=0, le=MOST_COUNT)]
Amount = Annotated[float, msgspec.Meta(ge=-MOST_AMOUNT, le=MOST_AMOUNT)]
# Sums are compared to four places behind the point, as everywhere in SQL.
PLACES = Decimal("0.0001")


class EventTotalsConfig(Value, frozen=True, forbid_unknown_fields=True):
    """`sum_of` is the path of a number in the event's data, e.g. `value`; each bound may be left out."""

    event: str
    period: Period = EVER
    filters: tuple[PayloadFilter, ...] = ()
    at_least: Count = 1
    at_most: Count | None = None
    sum_of: str = ""
    sum_at_least: Amount | None = None
    sum_at_most: Amount | None = None

    def __post_init__(self) -> None:
        check_event(self.event)
        if self.at_most is not None and self.at_most < self.at_least:
            raise ValueError("at most is less than at least")
        has_bound = self.sum_at_least is not None or self.sum_at_most is not None
        if bool(self.sum_of) is not has_bound:
            raise ValueError("a sum needs a field of the data and a bound")

    @property
    def fact(self) -> Fact:
        return Fact("event_totals", (self.event, self.period, self.filters, self.sum_of))


class EventTotalsForm(PeriodForm):
    event = forms.CharField(label=_("Event"), max_length=64)
    filters = FiltersField(label=_("Only events whose data fit"), required=False)
    at_least = forms.IntegerField(label=_("At least … times"), min_value=0, max_value=MOST_COUNT, initial=1)
    at_most = forms.IntegerField(
        label=_("At most … times"), min_value=0, max_value=MOST_COUNT, required=False
    )
    sum_of = forms.CharField(
        label=_("Add up the number"),
        max_length=200,
        required=False,
        help_text=_("A field of the data, for example value."),
    )
    sum_at_least = forms.FloatField(
        label=_("to at least"), min_value=-MOST_AMOUNT, max_value=MOST_AMOUNT, required=False
    )
    sum_at_most = forms.FloatField(
        label=_("and at most"), min_value=-MOST_AMOUNT, max_value=MOST_AMOUNT, required=False
    )
    field_order = ("event", "period", "days", "first", "last", "month", "years_ago", "filters", "at_least")

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        has_bound = data.get("sum_at_least") is not None or data.get("sum_at_most") is not None
        if has_bound and not data.get("sum_of"):
            self.add_error("sum_of", ValidationError(_("Say which number is added up.")))
        if data.get("sum_of") and not has_bound:
            self.add_error("sum_at_least", ValidationError(_("Say to how much it adds up.")))
        return data


@conditions.register
class EventTotals(Condition):
    key = "event_totals"
    label = _("How often and how much in a period")
    Config = EventTotalsConfig
    form_class = EventTotalsForm

    def needs(self, config: EventTotalsConfig) -> tuple[Fact, ...]:
        return (config.fact,)

    def evaluate(self, config: EventTotalsConfig, view: View) -> Verdict:
        count, total = view.fact(config.fact) or (0, Decimal())
        amount = Decimal(total).quantize(PLACES, ROUND_HALF_UP)
        holds = count >= config.at_least and (config.at_most is None or count <= config.at_most)
        if config.sum_at_least is not None:
            holds = holds and amount >= _exact(config.sum_at_least)
        if config.sum_at_most is not None:
            holds = holds and amount <= _exact(config.sum_at_most)
        return Verdict(holds, [count, str(amount.normalize())] if config.sum_of else count)

    def criterion(self, config: EventTotalsConfig) -> Happened:
        return Happened(
            config.event,
            config.period,
            config.filters,
            at_least=config.at_least,
            at_most=config.at_most,
            sum_path=config.sum_of,
            sum_at_least=config.sum_at_least,
            sum_at_most=config.sum_at_most,
        )

    def describe(self, config: EventTotalsConfig) -> Reason:
        data = {
            "event": config.event,
            "filters": "".join(f" [{filter_line(one)}]" for one in config.filters),
            "count": config.at_least,
            "most": config.at_most,
            "period": nested(config.period.describe()),
            "sum": config.sum_of,
            "least_sum": _bound(config.sum_at_least),
            "most_sum": _bound(config.sum_at_most),
        }
        if config.sum_of:
            return Reason(_SUMS[config.sum_at_least is not None, config.sum_at_most is not None], data)
        if config.at_most == 0:
            return Reason(gettext_noop("no %(event)s%(filters)s %(period)s"), data)
        if config.at_most is None:
            return Reason(gettext_noop("%(event)s%(filters)s at least %(count)s times %(period)s"), data)
        return Reason(gettext_noop("%(event)s%(filters)s %(count)s to %(most)s times %(period)s"), data)


_SUMS = {
    (True, False): gettext_noop(
        "%(event)s%(filters)s at least %(count)s times, %(sum)s adds up to %(least_sum)s or more, %(period)s"
    ),
    (False, True): gettext_noop(
        "%(event)s%(filters)s at least %(count)s times, %(sum)s adds up to %(most_sum)s at most, %(period)s"
    ),
    (True, True): gettext_noop(
        "%(event)s%(filters)s at least %(count)s times, %(sum)s adds up to %(least_sum)s to %(most_sum)s, %(period)s"
    ),
}


def _exact(bound: float) -> Decimal:
    return Decimal(str(bound))


def _bound(amount: float | None) -> str:
    return "" if amount is None else f"{amount:.15g}"
