"""What the two sending steps share: settings, decision and checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated

import msgspec
from django import forms
from django.utils.translation import gettext as say_now
from django.utils.translation import gettext_lazy as _

from triggers.core.kinds import View
from triggers.core.values import Go, QueueMessage, Reason, Value
from triggers.forms import KindForm
from triggers.steps.base import Step


class SendConfig(Value, frozen=True, forbid_unknown_fields=True):
    """`template` is a template's key; it is read when the message leaves, so corrections reach everybody inside."""

    template: str
    expires_hours: Annotated[float, msgspec.Meta(gt=0, le=8784)] | None = None


class SendForm(KindForm):
    template = forms.ChoiceField(label=_("Template"))
    expires_hours = forms.FloatField(
        label=_("Worthless after … hours"),
        min_value=0.1,
        max_value=8784,
        required=False,
        help_text=_(
            "If it cannot leave by then (an outage, a pause), it is not sent at all. Empty: the shop's usual."
        ),
    )


class SendStep(Step):
    """Base of the sending steps. The message is written in the engine's transaction and leaves through a lane."""

    Config = SendConfig
    sentence: str
    queued: str

    def decide(self, config: SendConfig, view: View) -> Go:
        expires = config.expires_hours * 3600 if config.expires_hours else None
        effect = QueueMessage(self.sends, config.template, expires)
        return Go(Reason(self.queued, {"template": config.template}), effect)

    def describe(self, config: SendConfig) -> Reason:
        return Reason(self.sentence, {"template": config.template})

    def problems(
        self, config: SendConfig, step_keys: set[str], templates: Mapping[str, str]
    ) -> Iterable[str]:
        if templates.get(config.template) != self.sends:
            yield say_now("there is no template “%(template)s” for this channel") % {
                "template": config.template
            }
