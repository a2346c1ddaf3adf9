"""Segments by key, with the segments that they ask about in turn."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from triggers.conditions import bind
from triggers.core.criteria import Both, Criterion, Either, InSegment, Not
from triggers.engine.audience import engagement, events, groups, profile, traits  # noqa: F401
from triggers.engine.audience.where import contacts_where
from triggers.engine.shards import read_clock
from triggers.exceptions import InvalidConfig, SegmentCycle, UnknownSegment
from triggers.models import Contact, Segment

# Questions that one rule may ask, those of the segments in it included; MariaDB joins no more than 61 tables.
MOST_QUESTIONS = 50


def contacts_in(segment: str | Mapping[str, Any], now: datetime | None = None) -> QuerySet[Contact]:
    """The contacts of a segment, given by its key or as a rule, at `now` (the database's clock); all of them for "".

    Raises UnknownSegment for a key that is not there, InvalidConfig or UnknownKind for a rule that cannot be asked of
    all contacts. The query runs when it is read.
    """
    return contacts_where(criterion_of(segment) if segment else Both(()), now or read_clock())


def criterion_of(segment: str | Mapping[str, Any], inside: tuple[str, ...] = ()) -> Criterion:
    """What a segment or a rule asks for, with the segments in it replaced by their own rules.

    `inside` are the keys of the segments whose rule this is. Raises SegmentCycle with the way round, UnknownSegment,
    InvalidConfig.
    """
    found = _resolve(InSegment(segment) if isinstance(segment, str) else _asked(segment), inside, _rules())
    count = sum(1 for _one in _leaves(found))
    if count > MOST_QUESTIONS:
        raise InvalidConfig(f"asks {count} questions with those of other segments; at most {MOST_QUESTIONS}")
    return found


def segments_asked(rule: Mapping[str, Any]) -> set[str]:
    """Keys of the segments that a rule asks about itself. Raises InvalidConfig or UnknownKind."""
    return {one.key for one in _leaves(_asked(rule)) if isinstance(one, InSegment)}


def _asked(rule: Mapping[str, Any]) -> Criterion:
    return bind(rule).criterion()


def _rules() -> dict[str, Any]:
    """Every segment's rule by its key: there are few, and one statement is less than one for each level."""
    return dict(Segment.objects.values_list("key", "rule"))


def _resolve(criterion: Criterion, path: tuple[str, ...], rules: Mapping[str, Any]) -> Criterion:
    if isinstance(criterion, InSegment):
        if criterion.key in path:
            raise SegmentCycle((*path[path.index(criterion.key) :], criterion.key))
        if criterion.key not in rules:
            raise UnknownSegment(criterion.key)
        return _resolve(_asked(rules[criterion.key]), (*path, criterion.key), rules)
    if isinstance(criterion, Both | Either):
        return type(criterion)(tuple(_resolve(one, path, rules) for one in criterion.of))
    if isinstance(criterion, Not):
        return Not(_resolve(criterion.of, path, rules))
    return criterion


def _leaves(criterion: Criterion) -> list[Criterion]:
    if isinstance(criterion, Both | Either):
        return [leaf for one in criterion.of for leaf in _leaves(one)]
    return _leaves(criterion.of) if isinstance(criterion, Not) else [criterion]
