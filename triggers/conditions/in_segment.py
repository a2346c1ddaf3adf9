"""Does the contact belong to a segment?"""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.conditions.base import Condition, Verdict, conditions
from triggers.core.criteria import InSegment
from triggers.core.kinds import View
from triggers.core.values import Fact, Reason, Value
from triggers.forms import KindForm


class InSegmentConfig(Value, frozen=True, forbid_unknown_fields=True):
    """`segment` is a segment's key."""

    segment: str

    @property
    def fact(self) -> Fact:
        return Fact("in_segment", (self.segment,))


class InSegmentForm(KindForm):
    segment = forms.ChoiceField(label=_("Segment"))

    def use_context(self) -> None:
        self.fields["segment"].choices = self.context.segments  # type: ignore[attr-defined]


@conditions.register
class InSegmentCondition(Condition):
    """By the segment's rule as it is at the moment. Nobody belongs to a segment that is gone."""

    key = "in_segment"
    label = _("Belongs to a segment")
    Config = InSegmentConfig
    form_class = InSegmentForm

    def needs(self, config: InSegmentConfig) -> tuple[Fact, ...]:
        return (config.fact,)

    def evaluate(self, config: InSegmentConfig, view: View) -> Verdict:
        seen = view.fact(config.fact)
        return Verdict(seen is True, seen)

    def criterion(self, config: InSegmentConfig) -> InSegment:
        return InSegment(config.segment)

    def describe(self, config: InSegmentConfig) -> Reason:
        return Reason(gettext_noop("belongs to the segment “%(segment)s”"), {"segment": config.segment})
