"""Condition: one question, a branch for yes and a branch for no."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.conditions import BoundCondition, bind
from triggers.conditions.base import plain
from triggers.conditions.fields import ConditionField
from triggers.core.kinds import View
from triggers.core.values import Branch, Fact, Reason, Value
from triggers.exceptions import InvalidConfig
from triggers.forms import KindForm
from triggers.steps.base import Step, steps


class ConditionConfig(Value, frozen=True):
    condition: BoundCondition


class ConditionForm(KindForm):
    condition = ConditionField(label=_("Question"))

    def use_context(self) -> None:
        field = self.fields["condition"]
        assert isinstance(field, ConditionField)
        field.use_context(self.context)


@steps.register
class ConditionStep(Step):
    key = "condition"
    label = _("Condition")
    icon = "?"
    Config = ConditionConfig
    form_class = ConditionForm
    branches = (("yes", _("Yes")), ("no", _("No")))

    def parse(self, raw: Mapping[str, Any]) -> ConditionConfig:
        if set(raw) != {"condition"}:
            raise InvalidConfig("a condition step needs exactly one condition")
        return ConditionConfig(bind(raw["condition"]))

    def needs(self, config: ConditionConfig) -> Iterable[Fact]:
        return config.condition.needs()

    def decide(self, config: ConditionConfig, view: View) -> Branch:
        verdict = config.condition.evaluate(view)
        data = {"condition": config.condition.question, "seen": plain(verdict.seen)}
        if verdict.holds:
            return Branch("yes", Reason(gettext_noop("Yes: %(condition)s (found: %(seen)s)"), data))
        return Branch("no", Reason(gettext_noop("No: %(condition)s (found: %(seen)s)"), data))

    def describe(self, config: ConditionConfig) -> Reason:
        return Reason(gettext_noop("If %(condition)s?"), {"condition": config.condition.question})
