"""Did the contact agree to messages on a channel?"""

from __future__ import annotations

from typing import Literal

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.conditions.base import Condition, Verdict, conditions
from triggers.core.criteria import ConsentIs
from triggers.core.kinds import View
from triggers.core.values import Fact, Reason, Value
from triggers.forms import KindForm

Answer = Literal["granted", "withdrawn", "unknown"]

SENTENCES: dict[Answer, str] = {
    "granted": gettext_noop("agreed to %(channel)s"),
    "withdrawn": gettext_noop("withdrew the consent to %(channel)s"),
    "unknown": gettext_noop("never said anything about %(channel)s"),
}


class ConsentConfig(Value, frozen=True, forbid_unknown_fields=True):
    channel: Literal["email", "sms"]
    answer: Answer = "granted"


class ConsentForm(KindForm):
    channel = forms.ChoiceField(label=_("Channel"), choices=[("email", _("e-mail")), ("sms", _("SMS"))])
    answer = forms.ChoiceField(
        label=_("The contact"),
        choices=[
            ("granted", _("agreed")),
            ("withdrawn", _("withdrew its consent")),
            ("unknown", _("never said anything about it")),
        ],
        initial="granted",
    )


@conditions.register
class ConsentCondition(Condition):
    """What was said last counts. Whether an address is suppressed is another question, asked when a message leaves."""

    key = "consent"
    label = _("Consent to a channel")
    Config = ConsentConfig
    form_class = ConsentForm

    def needs(self, config: ConsentConfig) -> tuple[Fact, ...]:
        return (Fact("consents"),)

    def evaluate(self, config: ConsentConfig, view: View) -> Verdict:
        said = (view.fact(Fact("consents")) or {}).get(config.channel)
        seen: Answer = "unknown" if said is None else "granted" if said else "withdrawn"
        return Verdict(seen == config.answer, seen)

    def criterion(self, config: ConsentConfig) -> ConsentIs:
        return ConsentIs(config.channel, config.answer)

    def describe(self, config: ConsentConfig) -> Reason:
        return Reason(SENTENCES[config.answer], {"channel": config.channel})
