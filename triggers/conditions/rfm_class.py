"""Which class of buyer is the contact: by how recently, how often and for how much it bought?"""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.conditions.base import Condition, Verdict, conditions
from triggers.core.criteria import HasTrait
from triggers.core.kinds import View
from triggers.core.rfm import RFM_CLASSES
from triggers.core.values import Fact, Reason, Value
from triggers.forms import KindForm


class RfmConfig(Value, frozen=True, forbid_unknown_fields=True):
    """`rfm` is a key of RFM_CLASSES."""

    rfm: str

    def __post_init__(self) -> None:
        if self.rfm not in RFM_CLASSES:
            raise ValueError(f"no RFM class {self.rfm!r}; there are {', '.join(RFM_CLASSES)}")


class RfmForm(KindForm):
    rfm: Any = forms.ChoiceField(
        label=_("Class"), choices=[(key, _(name)) for key, name in RFM_CLASSES.items()]
    )


@conditions.register
class RfmClass(Condition):
    key = "rfm_class"
    label = _("RFM class of buyer")
    Config = RfmConfig
    form_class = RfmForm

    def needs(self, config: RfmConfig) -> tuple[Fact, ...]:
        return (Fact("traits"),)

    def evaluate(self, config: RfmConfig, view: View) -> Verdict:
        seen = (view.fact(Fact("traits")) or {}).get("rfm")
        return Verdict(seen == config.rfm, seen)

    def criterion(self, config: RfmConfig) -> HasTrait:
        return HasTrait("rfm", (config.rfm,))

    def describe(self, config: RfmConfig) -> Reason:
        name = {"text": RFM_CLASSES[config.rfm]}
        return Reason(gettext_noop("is one of the %(rfm)s"), {"rfm": name})
