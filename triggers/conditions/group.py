"""Groups: all of, any of, none of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from triggers.conditions.base import BoundCondition, Condition, Verdict, bind, conditions, nested, plain
from triggers.core.criteria import Both, Criterion, Either, Not
from triggers.core.kinds import View
from triggers.core.values import Fact, Reason, Value
from triggers.exceptions import InvalidConfig
from triggers.forms import KindForm

MOST_DEPTH = 8
MOST_MEMBERS = 50


class GroupConfig(Value, frozen=True):
    """The members, bound."""

    of: tuple[BoundCondition, ...]


class Group(Condition):
    """Base of the three groups; members are asked in order, and only as many as it takes."""

    Config = GroupConfig
    form_class = KindForm
    stops_at: bool
    answer_when_stopped: bool
    sentence: str

    def parse(self, raw: Mapping[str, Any]) -> GroupConfig:
        members = raw.get("of")
        if not isinstance(members, list) or not members or set(raw) != {"of"}:
            raise InvalidConfig(f"{self.key}: a group needs at least one condition")
        if len(members) > MOST_MEMBERS or _depth(raw) > MOST_DEPTH:
            raise InvalidConfig(f"{self.key}: more than {MOST_MEMBERS} conditions or {MOST_DEPTH} levels")
        return GroupConfig(tuple(bind(member) for member in members))

    def needs(self, config: GroupConfig) -> Iterable[Fact]:
        return [fact for member in config.of for fact in member.needs()]

    def evaluate(self, config: GroupConfig, view: View) -> Verdict:
        """`seen` says for each member that mattered what it found: the one that settled it, or else all."""
        found: list[Any] = []
        for member in config.of:
            verdict = member.evaluate(view)
            if bool(verdict.holds) is self.stops_at:
                return Verdict(self.answer_when_stopped, _findings(member, verdict))
            found += _findings(member, verdict)
        return Verdict(not self.answer_when_stopped, found)

    def criterion(self, config: GroupConfig) -> Criterion:
        return self.joined(tuple(member.criterion() for member in config.of))

    def joined(self, members: tuple[Criterion, ...]) -> Criterion:
        raise NotImplementedError

    def describe(self, config: GroupConfig) -> Reason:
        return Reason(self.sentence, {"conditions": [member.question for member in config.of]})


def _findings(member: BoundCondition, verdict: Verdict) -> list[Any]:
    """What one member found, as reasons within a reason; a group's are those of its members."""
    if isinstance(member.kind, Group):
        return list(verdict.seen)
    data = {"condition": member.question, "seen": plain(verdict.seen)}
    return [nested(Reason(gettext_noop("%(condition)s → %(seen)s"), data))]


def _depth(raw: Any, level: int = 1) -> int:
    if level > MOST_DEPTH or not isinstance(raw, Mapping) or not isinstance(raw.get("of"), list):
        return level
    return max((_depth(member, level + 1) for member in raw["of"]), default=level)


@conditions.register
class AllOf(Group):
    key = "all"
    label = _("All of these")
    stops_at = False
    answer_when_stopped = False
    sentence = gettext_noop("all of (%(conditions)s)")

    def joined(self, members: tuple[Criterion, ...]) -> Criterion:
        return Both(members)


@conditions.register
class AnyOf(Group):
    key = "any"
    label = _("Any of these")
    stops_at = True
    answer_when_stopped = True
    sentence = gettext_noop("any of (%(conditions)s)")

    def joined(self, members: tuple[Criterion, ...]) -> Criterion:
        return Either(members)


@conditions.register
class NoneOf(Group):
    key = "none"
    label = _("None of these")
    stops_at = True
    answer_when_stopped = False
    sentence = gettext_noop("none of (%(conditions)s)")

    def joined(self, members: tuple[Criterion, ...]) -> Criterion:
        return Not(Either(members))
