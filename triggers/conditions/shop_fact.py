"""A live fact of the shop, read when the step fires: `cart.total >= 1000`."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.conditions.base import Condition, Verdict, conditions
from triggers.conditions.operators import NEEDS_NO_VALUE, OPERATOR_CHOICES, operator_word, require_value
from triggers.core.kinds import View
from triggers.core.payload import Operator, compare
from triggers.core.values import Fact, Reason, Value
from triggers.forms import KindForm


class ShopFactConfig(Value, frozen=True, forbid_unknown_fields=True):
    """`fact` is a name that the shop adapter declares."""

    fact: str
    op: Operator = "gte"
    value: str | int | float | bool | None = None

    def __post_init__(self) -> None:
        require_value(self.op, self.value)


class ShopFactForm(KindForm):
    fact = forms.ChoiceField(label=_("Fact"))
    op = forms.ChoiceField(label=_("is"), choices=OPERATOR_CHOICES, initial="gte")
    value = forms.CharField(label=_("Value"), max_length=500, required=False)

    def use_context(self) -> None:
        self.fields["fact"].choices = self.context.shop_facts  # type: ignore[attr-defined]


@conditions.register
class ShopFact(Condition):
    key = "shop_fact"
    label = _("Cart, orders and other facts of the shop")
    Config = ShopFactConfig
    form_class = ShopFactForm

    def needs(self, config: ShopFactConfig) -> tuple[Fact, ...]:
        return (Fact("shop", (config.fact,)),)

    def evaluate(self, config: ShopFactConfig, view: View) -> Verdict:
        seen = view.fact(Fact("shop", (config.fact,)))
        return Verdict(compare(config.op, seen, config.value), seen)

    def describe(self, config: ShopFactConfig) -> Reason:
        data = {"fact": config.fact, "op": operator_word(config.op), "value": config.value}
        if config.op in NEEDS_NO_VALUE:
            return Reason(gettext_noop("%(fact)s %(op)s"), data)
        return Reason(gettext_noop("%(fact)s %(op)s %(value)s"), data)
