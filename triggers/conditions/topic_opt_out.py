"""Did the contact unsubscribe from a topic?"""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.conditions.base import Condition, Verdict, conditions
from triggers.core.criteria import OptedOut
from triggers.core.kinds import View
from triggers.core.values import Fact, Reason, Value
from triggers.forms import KindForm


class TopicConfig(Value, frozen=True, forbid_unknown_fields=True):
    """`topic` is a topic's key."""

    topic: str


class TopicForm(KindForm):
    topic = forms.ChoiceField(label=_("Topic"))

    def use_context(self) -> None:
        self.fields["topic"].choices = self.context.topics  # type: ignore[attr-defined]


@conditions.register
class TopicOptOut(Condition):
    key = "topic_opt_out"
    label = _("Unsubscribed from a topic")
    Config = TopicConfig
    form_class = TopicForm

    def needs(self, config: TopicConfig) -> tuple[Fact, ...]:
        return (Fact("opt_outs"),)

    def evaluate(self, config: TopicConfig, view: View) -> Verdict:
        seen = view.fact(Fact("opt_outs")) or ()
        return Verdict(config.topic in seen, sorted(seen))

    def criterion(self, config: TopicConfig) -> OptedOut:
        return OptedOut(config.topic)

    def describe(self, config: TopicConfig) -> Reason:
        return Reason(gettext_noop("unsubscribed from “%(topic)s”"), {"topic": config.topic})
