"""What keeps a draft from running, in the reader's language: the whole list, not the first of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec
from django.utils.translation import gettext as _

from triggers.accounts import accounts
from triggers.conditions import BoundCondition
from triggers.conditions.message_reaction import MessageReactionConfig
from triggers.core.events import EVENT_NAME
from triggers.core.payload import PayloadFilter
from triggers.engine.quiet import quiet_problems
from triggers.entries import entries
from triggers.exceptions import InvalidConfig, UnknownKind
from triggers.models import Chain, ChainRule, Step, Template
from triggers.steps import steps

MOST_STEPS = 500


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a chain cannot run, in the reader's language; `step` is a step's key, "" for the chain itself."""

    step: str
    text: str

    def __str__(self) -> str:
        return (
            _("Step %(step)s: %(problem)s") % {"step": self.step, "problem": self.text}
            if self.step
            else self.text
        )


def find_problems(chain: Chain) -> list[Problem]:
    """Everything that keeps the draft from running."""
    return [*_chain_problems(chain), *_step_problems(chain)]


def _chain_problems(chain: Chain) -> Iterator[Problem]:
    try:
        entries.get(chain.entry_kind).parse(chain.entry_config)
    except UnknownKind:
        yield Problem("", _("The chain has no trigger: choose what starts it."))
    except InvalidConfig as error:
        yield Problem("", _("The trigger is not complete: %(error)s") % {"error": error})
    for rule in chain.rules.all():
        if not _is_readable(rule):
            yield Problem(
                "", _("The filters of the ending event “%(event)s” cannot be read.") % {"event": rule.event}
            )
        if not EVENT_NAME.match(rule.event):
            yield Problem("", _("“%(event)s” is not an event name.") % {"event": rule.event})
    yield from (Problem("", text) for text in quiet_problems(chain))
    count = chain.steps.count()
    if not count:
        yield Problem("", _("The chain has no steps."))
    if count > MOST_STEPS:
        yield Problem("", _("A chain has at most %(most)s steps.") % {"most": MOST_STEPS})


def _is_readable(rule: ChainRule) -> bool:
    try:
        msgspec.convert(rule.filters, tuple[PayloadFilter, ...])
    except msgspec.ValidationError:
        return False
    return True


def _step_problems(chain: Chain) -> Iterator[Problem]:
    drafts = list(chain.steps.all())
    keys = {step.key for step in drafts}
    sending = {step.key for step in drafts if step.kind in steps and steps.get(step.kind).sends}
    found = list(Template.objects.values_list("key", "channel", "account"))
    templates = {key: channel for key, channel, _account in found}
    without = {key: name for key, channel, name in found if name and name not in accounts(channel)}
    filled = {(step.parent_id, step.branch) for step in drafts}
    by_id = {step.pk: step for step in drafts}
    for step in drafts:
        yield from (Problem(step.key, text) for text in _problems_of(step, keys, sending, templates, filled))
        lost = without.get(step.config.get("template", "")) if step.key in sending else None
        if lost is not None:
            yield Problem(
                step.key,
                _("its template has the account “%(account)s”, which the settings do not know")
                % {"account": lost},
            )
        if not _is_placed(step, by_id):
            yield Problem(step.key, _("it stands in a branch that does not exist"))


def _problems_of(
    step: Step,
    keys: set[str],
    sending: set[str],
    templates: Mapping[str, str],
    filled: set[tuple[int | None, str]],
) -> Iterator[str]:
    try:
        kind = steps.get(step.kind)
        config = kind.parse(step.config)
    except UnknownKind as error:
        yield _("%(family)s kind “%(kind)s” is not installed") % {
            "family": _(error.family),
            "kind": error.key,
        }
        return
    except InvalidConfig as error:
        yield str(error)
        return
    yield from kind.problems(config, keys, templates)
    if kind.branches and not any((step.pk, name) in filled for name, _label in kind.branches):
        yield _("all its branches are empty")
    for asked in _asked_steps(getattr(config, "condition", None)):
        if asked not in sending:
            yield _("it asks about the message of step “%(step)s”, which sends none") % {"step": asked}


def _asked_steps(condition: BoundCondition | None) -> Iterator[str]:
    """Steps whose messages a condition tree asks about."""
    if condition is None:
        return
    if isinstance(condition.config, MessageReactionConfig):
        yield condition.config.step
    for member in getattr(condition.config, "of", ()):
        yield from _asked_steps(member)


def _is_placed(step: Step, by_id: Mapping[int, Step]) -> bool:
    """Whether the step's branch is one that its parent's kind has."""
    if step.parent_id is None:
        return step.branch == ""
    parent = by_id.get(step.parent_id)
    if parent is None or parent.kind not in steps:
        return parent is not None
    return step.branch in dict(steps.get(parent.kind).branches)
