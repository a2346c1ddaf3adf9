"""From draft to live: check a chain, freeze it as a version, switch it on and off."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils.translation import gettext as _

from triggers.accounts import accounts
from triggers.clock import DatabaseNow
from triggers.conditions import BoundCondition
from triggers.conditions.message_reaction import MessageReactionConfig
from triggers.core.events import EVENT_NAME
from triggers.core.payload import PayloadFilter
from triggers.core.values import Reason
from triggers.crashpoints import crash_point
from triggers.engine.journeys import release_journeys
from triggers.engine.quiet import quiet_problems
from triggers.entries import entries
from triggers.exceptions import InvalidChain, InvalidConfig, UnknownKind
from triggers.models import (
    Chain,
    ChainDay,
    ChainRule,
    ChainStatus,
    ChainVersion,
    Journey,
    Message,
    MessageState,
    RuleRole,
    Step,
    Template,
)
from triggers.steps import steps

MOST_STEPS = 500
# After this long somebody else goes on with a release. One that still works is not hurt by company.
RELEASE_LEASE = timedelta(minutes=5)
# What a chain says of its pause when there is none.
NOT_PAUSED: dict[str, Any] = {"paused_at": None, "paused_why": "", "paused_data": {}}


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


def publish(chain: Chain, by: Any = None) -> ChainVersion:
    """Freeze the draft as the next version and make it live. Raises InvalidChain with every problem.

    Journeys inside stay on their version. Publishing a draft that equals the live version only switches the chain on.
    A chain that was not live starts with the events from now on: it does not look back.
    """
    version, was_paused = _publish(chain, by)
    crash_point("publish.after_commit")
    if was_paused:
        _release(chain)
    return version


@transaction.atomic
def _publish(chain: Chain, by: Any) -> tuple[ChainVersion, bool]:
    """The new live version, and whether the chain was paused until now."""
    chain = Chain.objects.select_for_update().get(pk=chain.pk)
    problems = find_problems(chain)
    if problems:
        raise InvalidChain([str(problem) for problem in problems])
    definition = define(chain)
    digest = sha256_of(definition)
    version = chain.live_version
    if version is None or version.sha256 != digest:
        last = chain.versions.aggregate(last=Max("number"))["last"] or 0
        version = ChainVersion.objects.create(
            chain=chain, number=last + 1, definition=definition, sha256=digest, published_by=by
        )
    changes: dict[str, Any] = {"live_version": version, "status": ChainStatus.LIVE}
    if chain.status != ChainStatus.LIVE:
        changes |= {"activated_at": DatabaseNow(), **NOT_PAUSED}
        ChainDay.objects.filter(chain=chain).forget()
    if chain.status == ChainStatus.PAUSED:
        changes["resuming_until"] = DatabaseNow() + RELEASE_LEASE
    Chain.objects.filter(pk=chain.pk).update(**changes)
    crash_point("publish.before_commit")
    return version, chain.status == ChainStatus.PAUSED


def define(chain: Chain) -> dict[str, Any]:
    """The draft as the plain data that a version stores."""
    rules = [
        (rule.role, {"event": rule.event, "filters": rule.filters, "same_object": rule.same_object})
        for rule in chain.rules.all()
    ]
    children = _children(chain)
    quiet = chain.quiet
    return {
        "entry": {"kind": chain.entry_kind, "config": chain.entry_config},
        "goals": [rule for role, rule in rules if role == RuleRole.GOAL],
        "exits": [rule for role, rule in rules if role == RuleRole.EXIT],
        "steps": [_define_step(step, children) for step in children[None, ""]],
        **({"quiet": msgspec.to_builtins(quiet)} if quiet else {}),
    }


def sha256_of(definition: Mapping[str, Any]) -> str:
    """Digest of a definition's canonical JSON."""
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def find_problems(chain: Chain) -> list[Problem]:
    """Everything that keeps the draft from running."""
    return [*_chain_problems(chain), *_step_problems(chain)]


@transaction.atomic
def pause_chain(chain: Chain, why: Reason | None = None) -> bool:
    """Nobody enters, nobody inside moves on, nothing leaves. Goals still end journeys. Returns whether it was live.

    What is queued is held back at once; due journeys are parked by the turns that find them. `why` is said when it was
    not a person who paused it.
    """
    changes = {"paused_at": DatabaseNow(), "paused_why": why.text if why else "", "resuming_until": None}
    changes["paused_data"] = dict(why.data) if why else {}
    live = Chain.objects.filter(pk=chain.pk, status=ChainStatus.LIVE)
    if not live.update(status=ChainStatus.PAUSED, **changes):
        return False
    _messages_of(chain, MessageState.QUEUED).update(state=MessageState.HELD)
    crash_point("pause.before_commit")
    return True


def resume_chain(chain: Chain) -> None:
    """Let contacts in again, by events from now on, and everybody inside go on from where they stood.

    Live is committed first: what is released after that cannot be parked again by a turn that still saw the pause.
    """
    paused = Chain.objects.filter(pk=chain.pk, status=ChainStatus.PAUSED, live_version__isnull=False)
    with transaction.atomic():
        until = DatabaseNow() + RELEASE_LEASE
        is_resumed = paused.update(
            status=ChainStatus.LIVE, activated_at=DatabaseNow(), resuming_until=until, **NOT_PAUSED
        )
        if is_resumed:
            ChainDay.objects.filter(chain=chain).forget()
    if is_resumed:
        crash_point("resume.after_commit")
        _release(chain)


def finish_releases() -> None:
    """Go on where a process died that was letting a chain's journeys go. One look when there is none."""
    left = Chain.objects.filter(status=ChainStatus.LIVE, resuming_until__lt=DatabaseNow())
    for chain in left:
        if left.filter(pk=chain.pk).update(resuming_until=DatabaseNow() + RELEASE_LEASE):
            _release(chain)


def _release(chain: Chain) -> None:
    release_journeys(chain.pk)
    crash_point("release.journeys_done")
    _messages_of(chain, MessageState.HELD).update(state=MessageState.QUEUED, lease_until=None)
    Chain.objects.filter(pk=chain.pk, status=ChainStatus.LIVE).update(resuming_until=None)


def _messages_of(chain: Chain, state: MessageState) -> QuerySet[Message]:
    return Message.objects.filter(journey__in=Journey.objects.filter(chain=chain).values("pk"), state=state)


Children = dict[tuple[int | None, str], list[Step]]


def _children(chain: Chain) -> Children:
    """Draft steps by parent and branch, in order."""
    found: Children = defaultdict(list)
    for step in chain.steps.order_by("position", "pk"):
        found[step.parent_id, step.branch].append(step)
    return found


def _define_step(step: Step, children: Children) -> dict[str, Any]:
    names = [name for name, _label in steps.get(step.kind).branches]
    return {
        "key": step.key,
        "kind": step.kind,
        "config": step.config,
        "branches": {
            name: [_define_step(child, children) for child in children[step.pk, name]] for name in names
        },
    }


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
