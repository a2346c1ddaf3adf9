"""What did the contact do with a message of an earlier step?"""

from __future__ import annotations

from typing import Literal

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.conditions.base import Condition, Verdict, conditions
from triggers.core.kinds import View
from triggers.core.values import Fact, Reason, Value
from triggers.forms import KindForm

Reaction = Literal["opened", "clicked", "none"]

SENTENCES: dict[Reaction, str] = {
    "opened": gettext_noop("opened the message of step %(step)s"),
    "clicked": gettext_noop("clicked in the message of step %(step)s"),
    "none": gettext_noop("neither opened nor clicked the message of step %(step)s"),
}


class MessageReactionConfig(Value, frozen=True, forbid_unknown_fields=True):
    """`step` is the key of a sending step of the same chain."""

    step: str
    reaction: Reaction = "opened"


class MessageReactionForm(KindForm):
    step = forms.ChoiceField(label=_("Message of step"))
    reaction = forms.ChoiceField(
        label=_("Reaction"), choices=[("opened", _("opened")), ("clicked", _("clicked")), ("none", _("none"))]
    )

    def use_context(self) -> None:
        self.fields["step"].choices = self.context.message_steps  # type: ignore[attr-defined]


@conditions.register
class MessageReaction(Condition):
    """A click counts as an opening: pictures are often blocked."""

    key = "message_reaction"
    label = _("Reaction to an earlier message")
    Config = MessageReactionConfig
    form_class = MessageReactionForm

    def needs(self, config: MessageReactionConfig) -> tuple[Fact, ...]:
        return (Fact("message_reactions", (config.step,)),)

    def evaluate(self, config: MessageReactionConfig, view: View) -> Verdict:
        seen = view.fact(Fact("message_reactions", (config.step,))) or ()
        reactions = {"opened", "clicked"} if "clicked" in seen else set(seen)
        holds = not reactions if config.reaction == "none" else config.reaction in reactions
        return Verdict(holds, sorted(reactions))

    def describe(self, config: MessageReactionConfig) -> Reason:
        return Reason(SENTENCES[config.reaction], {"step": config.step})
