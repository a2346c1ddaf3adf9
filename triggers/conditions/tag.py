"""Does the contact have a tag?"""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.conditions.base import Condition, Verdict, conditions
from triggers.core.criteria import HasTag
from triggers.core.kinds import View
from triggers.core.values import Fact, Reason, Value
from triggers.forms import KindForm


class TagConfig(Value, frozen=True, forbid_unknown_fields=True):
    tag: str


class TagForm(KindForm):
    tag = forms.CharField(label=_("Tag"), max_length=64)


@conditions.register
class Tag(Condition):
    key = "tag"
    label = _("Tag")
    Config = TagConfig
    form_class = TagForm

    def needs(self, config: TagConfig) -> tuple[Fact, ...]:
        return (Fact("tags"),)

    def evaluate(self, config: TagConfig, view: View) -> Verdict:
        tags = view.fact(Fact("tags")) or ()
        return Verdict(config.tag in tags, sorted(tags))

    def criterion(self, config: TagConfig) -> HasTag:
        return HasTag(config.tag)

    def describe(self, config: TagConfig) -> Reason:
        return Reason(gettext_noop("has the tag “%(tag)s”"), {"tag": config.tag})
