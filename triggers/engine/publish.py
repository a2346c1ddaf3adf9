"""From draft to live: check a chain, freeze it as a version, switch it on and off."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Max, QuerySet

from triggers.clock import DatabaseNow
from triggers.control import nothing_is_paused
from triggers.core.values import Reason
from triggers.crashpoints import crash_point
from triggers.engine.journeys import release_journeys
from triggers.engine.problems import find_problems
from triggers.exceptions import InvalidChain
from triggers.models import (
    Chain,
    ChainDay,
    ChainStatus,
    ChainVersion,
    Journey,
    Message,
    MessageState,
    RuleRole,
    Step,
)
from triggers.steps import steps

# After this long somebody else goes on with a release. One that still works is not hurt by company.
RELEASE_LEASE = timedelta(minutes=5)
# What a chain says of its pause when there is none.
NOT_PAUSED: dict[str, Any] = {"paused_at": None, "paused_why": "", "paused_data": {}}


def publish(chain: Chain, by: Any = None) -> ChainVersion:
    """Freeze the draft as the next version and make it live. Raises InvalidChain with every problem.

    Journeys inside stay on their version. Publishing a draft that equals the live version only switches the chain on.
    A chain that was not live, or whose trigger was changed, starts with what happens from now on: it does not look back.
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
    is_other_trigger = version is None or version.definition["entry"] != definition["entry"]
    if version is None or version.sha256 != digest:
        last = chain.versions.aggregate(last=Max("number"))["last"] or 0
        version = ChainVersion.objects.create(
            chain=chain, number=last + 1, definition=definition, sha256=digest, published_by=by
        )
    changes: dict[str, Any] = {"live_version": version, "status": ChainStatus.LIVE}
    if is_other_trigger:
        changes["activated_at"] = DatabaseNow()
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
    """Go on where a process died that was letting a chain's journeys go. One look when there is none.

    Not while everything is paused: it may be a restored backup, and what it was letting go is looked through first.
    """
    died = Chain.objects.filter(status=ChainStatus.LIVE, resuming_until__lt=DatabaseNow())
    left = died.filter(nothing_is_paused())
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
