"""What contacts shall be like, as pure values: the form in which a condition can be asked of all contacts at once.

A condition says what it wants with these; `engine/audience/` turns them into queries. They hold names and values only,
never a column, an operator of the ORM or SQL.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from triggers.core.events import EVENT_NAME
from triggers.core.payload import Operator, PayloadFilter
from triggers.core.periods import EVER, Period
from triggers.core.values import Value

# One name in the path of a value: nothing that any database's own path language takes for something else.
NAME = re.compile(r"[^\"'\\\x00-\x1f\x7f]{1,100}\Z")
MOST_PATH_NAMES = 5
MOST_FILTERS = 10

Engagement = Literal["got", "opened", "clicked", "silent"]


class Criterion(Value, frozen=True):
    """Base of all criteria. Raises ValueError for values that no query can be made of."""


class Both(Criterion, frozen=True):
    """All of these; of none: everybody."""

    of: tuple[Criterion, ...]


class Either(Criterion, frozen=True):
    """At least one of these; of none: nobody."""

    of: tuple[Criterion, ...]


class Not(Criterion, frozen=True):
    """Everybody else."""

    of: Criterion


class FieldIs(Criterion, frozen=True):
    """A field of the contact, or an attribute of the shop's own, compared as `core.payload.compare` does."""

    field: str
    op: Operator
    value: str | int | float | bool | None = None

    def __post_init__(self) -> None:
        check_path((self.field.removeprefix("attributes."),))


class HasTag(Criterion, frozen=True):
    tag: str


class ConsentIs(Criterion, frozen=True):
    """What the contact last said about a channel: "granted", "withdrawn", or nothing yet ("unknown")."""

    channel: str
    answer: Literal["granted", "withdrawn", "unknown"]


class OptedOut(Criterion, frozen=True):
    """Unsubscribed from a topic, by its key."""

    topic: str


class Happened(Criterion, frozen=True):
    """How often an event happened in a period, and what a number in its data adds up to.

    `clock` is the moment that counts: when it "occurred" or when it was "recorded". A bound that is None is none.
    """

    event: str
    period: Period = EVER
    filters: tuple[PayloadFilter, ...] = ()
    at_least: int | None = 1
    at_most: int | None = None
    sum_path: str = ""
    sum_at_least: float | None = None
    sum_at_most: float | None = None
    clock: Literal["occurred", "recorded"] = "occurred"

    def __post_init__(self) -> None:
        check_event(self.event)
        check_filters(self.filters)
        if self.sum_path:
            check_path(self.sum_path.split("."))


class DidNotFollow(Criterion, frozen=True):
    """Did the first event about something, and the second one never since the period's beginning about the same thing."""

    event: str
    never: str
    period: Period = EVER
    filters: tuple[PayloadFilter, ...] = ()

    def __post_init__(self) -> None:
        check_event(self.event)
        check_event(self.never)
        check_filters(self.filters)


class Engaged(Criterion, frozen=True):
    """Messages that left for the contact in the last `days`: how many it got, opened, clicked, or left without an answer."""

    days: int
    what: Engagement
    channel: str = ""
    at_least: int | None = 1
    at_most: int | None = None


class HasTrait(Criterion, frozen=True):
    """One of these values was learned about the contact, e.g. `HasTrait("category", ("lamps",))`."""

    kind: str
    values: tuple[str, ...]


class InSegment(Criterion, frozen=True):
    """Belongs to another segment, by its key."""

    key: str


def check_event(name: str) -> None:
    if not EVENT_NAME.match(name):
        raise ValueError(f"{name!r} is not an event name")


def check_filters(filters: tuple[PayloadFilter, ...]) -> None:
    if len(filters) > MOST_FILTERS:
        raise ValueError(f"more than {MOST_FILTERS} filters")
    for one in filters:
        check_path(one.path.split("."))


def check_path(names: Any) -> None:
    """A path of up to five names that mean nothing to a database."""
    shown = ".".join(names)
    if len(names) > MOST_PATH_NAMES:
        raise ValueError(f"{shown[:100]!r} is deeper than {MOST_PATH_NAMES} names")
    for name in names:
        if not NAME.match(name):
            raise ValueError(
                f"{shown[:100]!r} is not a path: a name has 1 to 100 characters, no quotes and no \\"
            )
