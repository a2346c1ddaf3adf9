"""Leave the chain here."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.core.kinds import View
from triggers.core.values import Exit, Reason, Value
from triggers.forms import KindForm
from triggers.steps.base import Step, steps


class ExitConfig(Value, frozen=True, forbid_unknown_fields=True):
    why: str = ""


class ExitForm(KindForm):
    why = forms.CharField(
        label=_("Why"),
        max_length=200,
        required=False,
        help_text=_("Shown on the contact's page as the reason."),
    )


@steps.register
class ExitStep(Step):
    key = "exit"
    label = _("Leave the chain")
    icon = "■"
    Config = ExitConfig
    form_class = ExitForm

    def decide(self, config: ExitConfig, view: View) -> Exit:
        return Exit(self._reason(config))

    def describe(self, config: ExitConfig) -> Reason:
        return self._reason(config)

    def _reason(self, config: ExitConfig) -> Reason:
        if config.why:
            return Reason(gettext_noop("Leaves the chain: %(why)s"), {"why": config.why})
        return Reason(gettext_noop("Leaves the chain"))
