"""Did something happen, how often, and since when?"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.conditions.base import Condition, Verdict, conditions
from triggers.core.criteria import Happened
from triggers.core.kinds import View
from triggers.core.payload import PayloadFilter
from triggers.core.periods import last_days
from triggers.core.values import Fact, Reason, Value
from triggers.exceptions import NotInSegments
from triggers.forms import FiltersField, KindForm, filter_line


class EventHappenedConfig(Value, frozen=True, forbid_unknown_fields=True):
    """`days` None means since the journey began. `at_least` 0 and `at_most` 0 asks for "never"."""

    event: str
    at_least: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 1
    at_most: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | None = None
    days: Annotated[int, msgspec.Meta(ge=1, le=3660)] | None = None
    filters: tuple[PayloadFilter, ...] = ()
    same_object: bool = False

    @property
    def fact(self) -> Fact:
        return Fact("event_count", (self.event, self.days, self.filters, self.same_object))


class EventHappenedForm(KindForm):
    event = forms.CharField(label=_("Event"), max_length=64)
    at_least = forms.IntegerField(label=_("At least … times"), min_value=0, initial=1)
    at_most = forms.IntegerField(label=_("At most … times"), min_value=0, required=False)
    days = forms.IntegerField(
        label=_("Within the last … days"),
        min_value=1,
        max_value=3660,
        required=False,
        help_text=_("Empty: since the contact entered this chain."),
    )
    filters = FiltersField(label=_("Only events whose data fit"), required=False)
    same_object = forms.BooleanField(label=_("Only about the same cart, order or product"), required=False)

    def use_context(self) -> None:
        if self.context.is_for_segment:
            del self.fields["same_object"]
            self.fields["days"].required, self.fields["days"].help_text = True, ""


@conditions.register
class EventHappened(Condition):
    key = "event_happened"
    label = _("Event happened or not")
    Config = EventHappenedConfig
    form_class = EventHappenedForm

    def needs(self, config: EventHappenedConfig) -> tuple[Fact, ...]:
        return (config.fact,)

    def evaluate(self, config: EventHappenedConfig, view: View) -> Verdict:
        count = view.fact(config.fact) or 0
        enough = count >= config.at_least
        return Verdict(enough and (config.at_most is None or count <= config.at_most), count)

    def criterion(self, config: EventHappenedConfig) -> Happened:
        if config.days is None or config.same_object:
            raise NotInSegments(
                f"{self.key}: say within how many days; only a journey has a beginning and an object"
            )
        return Happened(
            config.event,
            last_days(config.days),
            config.filters,
            at_least=config.at_least,
            at_most=config.at_most,
            clock="recorded",
        )

    def describe(self, config: EventHappenedConfig) -> Reason:
        data: dict[str, Any] = {
            "event": config.event,
            "count": config.at_least,
            "most": config.at_most,
            "days": config.days,
            "filters": "".join(f" [{filter_line(one)}]" for one in config.filters),
        }
        return Reason(_sentence(config), data)


def _sentence(config: EventHappenedConfig) -> str:
    if config.at_most == 0:
        if config.days:
            return gettext_noop("no %(event)s%(filters)s in the last %(days)s days")
        return gettext_noop("no %(event)s%(filters)s since entering")
    if config.at_most is not None:
        if config.days:
            return gettext_noop("%(event)s%(filters)s %(count)s to %(most)s times in the last %(days)s days")
        return gettext_noop("%(event)s%(filters)s %(count)s to %(most)s times since entering")
    if config.days:
        return gettext_noop("%(event)s%(filters)s at least %(count)s times in the last %(days)s days")
    return gettext_noop("%(event)s%(filters)s at least %(count)s times since entering")
