"""What does the contact like best, as its views and orders show?"""

from __future__ import annotations

from typing import Literal

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.conditions.base import Condition, Verdict, conditions
from triggers.core.criteria import HasTrait
from triggers.core.kinds import View
from triggers.core.values import Fact, Reason, Value
from triggers.forms import KindForm

Liked = Literal["category", "brand", "price_band"]

SENTENCES: dict[Liked, str] = {
    "category": gettext_noop("favourite category is “%(value)s”"),
    "brand": gettext_noop("favourite brand is “%(value)s”"),
    "price_band": gettext_noop("usual price band is “%(value)s”"),
}


class PreferenceConfig(Value, frozen=True, forbid_unknown_fields=True):
    """`value` is the category or brand as items name it; of price bands "low", "middle" or "high"."""

    liked: Liked
    value: str

    def __post_init__(self) -> None:
        if self.liked == "price_band" and self.value not in ("low", "middle", "high"):
            raise ValueError("a price band is low, middle or high")


class PreferenceForm(KindForm):
    liked = forms.ChoiceField(
        label=_("What it likes best"),
        choices=[("category", _("category")), ("brand", _("brand")), ("price_band", _("price band"))],
    )
    value = forms.CharField(
        label=_("is"),
        max_length=100,
        help_text=_("Of price bands: low, middle or high of what the shop sells."),
    )


@conditions.register
class Preference(Condition):
    key = "preference"
    label = _("Favourite category, brand, price band")
    Config = PreferenceConfig
    form_class = PreferenceForm

    def needs(self, config: PreferenceConfig) -> tuple[Fact, ...]:
        return (Fact("traits"),)

    def evaluate(self, config: PreferenceConfig, view: View) -> Verdict:
        seen = (view.fact(Fact("traits")) or {}).get(config.liked)
        return Verdict(seen == config.value, seen)

    def criterion(self, config: PreferenceConfig) -> HasTrait:
        return HasTrait(config.liked, (config.value,))

    def describe(self, config: PreferenceConfig) -> Reason:
        return Reason(SENTENCES[config.liked], {"value": config.value})
