"""Quiet hours of a chain and of the shop that together leave no time of day: said before they are saved or published."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from triggers.core.schedule import QuietHours, leave_no_time
from triggers.engine.versions import quiet_of
from triggers.models import Chain, SendingRule, Template


def quiet_problems(chain: Chain) -> Iterator[str]:
    """What is wrong with the draft's quiet hours, in the reader's language."""
    if chain.quiet is None:
        if chain.quiet_from is not None or chain.quiet_until is not None:
            yield _("Quiet hours need a beginning and an end that differ, or neither of them.")
        return
    sent = _kinds_sent([step.config for step in chain.steps.all()])
    for rule in SendingRule.objects.all():
        is_concerned = (rule.channel, rule.message_class) in sent
        if is_concerned and rule.quiet and leave_no_time((rule.quiet, chain.quiet)):
            yield _("The chain's quiet hours and the shop's for “%(rule)s” leave no time of day.") % {
                "rule": rule
            }


def chains_left_without_time(channel: str, message_class: str, quiet: QuietHours) -> list[str]:
    """Names of the live chains that could send nothing of this channel and class any more if the shop kept these hours."""
    names = []
    live = Chain.objects.live().filter(live_version__definition__has_key="quiet")
    for chain in live.select_related("live_version"):
        assert chain.live_version is not None
        own = quiet_of(chain.live_version.definition)
        if own and leave_no_time((quiet, own)):
            steps = list(_configs(chain.live_version.definition["steps"]))
            if (channel, message_class) in _kinds_sent(steps):
                names.append(chain.name)
    return names


def _configs(steps: list[dict[str, Any]]) -> Iterator[object]:
    """Settings of all steps of a definition."""
    for step in steps:
        yield step["config"]
        for inner in step["branches"].values():
            yield from _configs(inner)


def _kinds_sent(configs: list[object]) -> set[tuple[str, str]]:
    """Channels and classes of the templates that steps with these settings send."""
    keys = {str(one.get("template")) for one in configs if isinstance(one, dict)}
    return set(Template.objects.filter(key__in=keys).values_list("channel", "message_class"))
