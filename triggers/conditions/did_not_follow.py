"""Did the contact do one thing and never the other: viewed but never bought?"""

from __future__ import annotations

from typing import Any, Literal

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.conditions.base import Condition, Verdict, conditions, nested
from triggers.conditions.period_fields import PeriodForm
from triggers.core.criteria import Both, Criterion, DidNotFollow, Happened, Not, check_event
from triggers.core.kinds import View
from triggers.core.payload import PayloadFilter
from triggers.core.periods import EVER, Period
from triggers.core.values import Fact, Reason, Value
from triggers.forms import FiltersField, filter_line

About = Literal["same", "anything"]

SENTENCES: dict[About, str] = {
    "same": gettext_noop("%(event)s%(filters)s but no %(never)s of the same thing, %(period)s"),
    "anything": gettext_noop("%(event)s%(filters)s but no %(never)s at all, %(period)s"),
}


class DidNotFollowConfig(Value, frozen=True, forbid_unknown_fields=True):
    """`about` "same": of the same item (`items[].item_id`) or object; "anything": not even of something else."""

    event: str
    never: str
    about: About = "same"
    period: Period = EVER
    filters: tuple[PayloadFilter, ...] = ()

    def __post_init__(self) -> None:
        check_event(self.event)
        check_event(self.never)

    @property
    def fact(self) -> Fact:
        return Fact("not_followed", (self.event, self.never, self.about, self.period, self.filters))


class DidNotFollowForm(PeriodForm):
    event = forms.CharField(label=_("Did"), max_length=64)
    filters = FiltersField(label=_("Only if the data fit"), required=False)
    never = forms.CharField(label=_("but never"), max_length=64)
    about = forms.ChoiceField(
        label=_("of"),
        choices=[("same", _("the same product or object")), ("anything", _("anything"))],
        initial="same",
    )
    field_order = (
        "event",
        "filters",
        "never",
        "about",
        "period",
        "days",
        "first",
        "last",
        "month",
        "years_ago",
    )


@conditions.register
class DidNotFollowUp(Condition):
    key = "did_not_follow"
    label = _("Did one thing but never another")
    Config = DidNotFollowConfig
    form_class = DidNotFollowForm

    def needs(self, config: DidNotFollowConfig) -> tuple[Fact, ...]:
        return (config.fact,)

    def evaluate(self, config: DidNotFollowConfig, view: View) -> Verdict:
        count = view.fact(config.fact) or 0
        return Verdict(count > 0, count)

    def criterion(self, config: DidNotFollowConfig) -> Criterion:
        if config.about == "same":
            return DidNotFollow(config.event, config.never, config.period, config.filters)
        did = Happened(config.event, config.period, config.filters)
        return Both((did, Not(Happened(config.never, config.period))))

    def describe(self, config: DidNotFollowConfig) -> Reason:
        data: dict[str, Any] = {
            "event": config.event,
            "never": config.never,
            "filters": "".join(f" [{filter_line(one)}]" for one in config.filters),
            "period": nested(config.period.describe()),
        }
        return Reason(SENTENCES[config.about], data)
