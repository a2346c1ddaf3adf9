"""What does the contact do with what it gets: opened, clicked, no reaction, and how many messages?"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.conditions.base import Condition, Verdict, conditions
from triggers.core.criteria import Engaged, Engagement
from triggers.core.kinds import View
from triggers.core.periods import MOST_DAYS
from triggers.core.values import Fact, Reason, Value
from triggers.forms import KindForm

MOST_COUNT = 100_000
Count = Annotated[int, msgspec.Meta(ge=0, le=MOST_COUNT)]

SENTENCES: dict[Engagement, str] = {
    "got": gettext_noop("got %(count)s messages in the last %(days)s days"),
    "opened": gettext_noop("opened %(count)s messages in the last %(days)s days"),
    "clicked": gettext_noop("clicked in %(count)s messages in the last %(days)s days"),
    "silent": gettext_noop("did not react to %(count)s messages in the last %(days)s days"),
}


class EngagementConfig(Value, frozen=True, forbid_unknown_fields=True):
    """Messages of the last `days`; of one channel, or of all."""

    what: Engagement
    days: Annotated[int, msgspec.Meta(ge=1, le=MOST_DAYS)]
    channel: Literal["", "email", "sms"] = ""
    at_least: Count = 1
    at_most: Count | None = None

    @property
    def fact(self) -> Fact:
        return Fact("engagement", (self.days, self.channel))


class EngagementForm(KindForm):
    what = forms.ChoiceField(
        label=_("The contact"),
        choices=[
            ("opened", _("opened")),
            ("clicked", _("clicked in")),
            ("silent", _("neither opened nor clicked")),
            ("got", _("got")),
        ],
    )
    at_least = forms.IntegerField(
        label=_("at least … messages"), min_value=0, max_value=MOST_COUNT, initial=1
    )
    at_most = forms.IntegerField(
        label=_("at most … messages"), min_value=0, max_value=MOST_COUNT, required=False
    )
    channel = forms.ChoiceField(
        label=_("Channel"),
        choices=[("", _("any")), ("email", _("e-mail")), ("sms", _("SMS"))],
        required=False,
    )
    days = forms.IntegerField(label=_("Within the last … days"), min_value=1, max_value=MOST_DAYS, initial=90)


@conditions.register
class EngagementCondition(Condition):
    """Of messages that were handed over and did not bounce. A click counts as an opening: pictures are often blocked."""

    key = "engagement"
    label = _("Opened, clicked, got messages")
    Config = EngagementConfig
    form_class = EngagementForm

    def needs(self, config: EngagementConfig) -> tuple[Fact, ...]:
        return (config.fact,)

    def evaluate(self, config: EngagementConfig, view: View) -> Verdict:
        count = (view.fact(config.fact) or {}).get(config.what, 0)
        holds = count >= config.at_least and (config.at_most is None or count <= config.at_most)
        return Verdict(holds, count)

    def criterion(self, config: EngagementConfig) -> Engaged:
        return Engaged(config.days, config.what, config.channel, config.at_least, config.at_most)

    def describe(self, config: EngagementConfig) -> Reason:
        count = {"text": _range(config), "data": {"least": config.at_least, "most": config.at_most}}
        return Reason(SENTENCES[config.what], {"count": count, "days": config.days})


def _range(config: EngagementConfig) -> str:
    if config.at_most is None:
        return gettext_noop("at least %(least)s")
    return gettext_noop("%(least)s to %(most)s")
