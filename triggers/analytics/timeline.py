"""One contact's story: events, journeys with the reason of every move, messages; the newest first."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Literal

from django.db.models import Q, QuerySet

from triggers.models import Contact, Event, Journey, Message, Template, Transition

# Lines on one page of the story.
MOST_LINES = 200

Part = Literal["event", "transition", "message"]
PARTS: tuple[Part, ...] = ("event", "transition", "message")


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the story: everything before it is older. Moments repeat, so the row is named as well."""

    at: datetime
    part: Part
    pk: int

    def __str__(self) -> str:
        return f"{self.at.isoformat()}~{self.part}~{self.pk}"

    @classmethod
    def read(cls, text: str) -> Cursor | None:
        """The cursor that was written so, or None for anything else."""
        try:
            at, part, pk = text.split("~")
            moment, number = datetime.fromisoformat(at), int(pk)
        except ValueError:
            return None
        if part not in PARTS or moment.tzinfo is None or not 0 <= number < 2**63:
            return None
        return cls(moment, part, number)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened. Exactly one of the three rows is set."""

    at: datetime
    event: Event | None = None
    transition: Transition | None = None
    message: Message | None = None
    # The template's name, for a message.
    title: str = ""

    @property
    def cursor(self) -> Cursor:
        for part in PARTS:
            row = getattr(self, part)
            if row is not None:
                return Cursor(self.at, part, row.pk)
        raise ValueError("an empty line")

    @property
    def journey(self) -> Journey | None:
        row = self.transition or self.message
        return row.journey if row is not None else None


@dataclass(frozen=True, slots=True)
class Chapter:
    """A journey with its lines, or one line that belongs to none. `at` is its newest moment."""

    at: datetime
    journey: Journey | None
    # The event that started the journey, when it is known and may be seen.
    started_by: Event | None
    lines: list[Line] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of the story. `older` leads to the next page, or is None at the beginning of the story."""

    chapters: list[Chapter]
    older: Cursor | None


def timeline(
    contact: Contact, *, parts: Collection[Part] = PARTS, until: Cursor | None = None, most: int = MOST_LINES
) -> Timeline:
    """The newest `most` lines before `until`, grouped by journey; at most five queries."""
    sources = [
        _lines(part, _before(_rows(part, contact), part, until)[: most + 1])
        for part in PARTS
        if part in parts
    ]
    newest_first = merge(*sources, key=lambda line: _order(line.cursor), reverse=True)
    lines = list(islice(newest_first, most + 1))
    older = lines[most - 1].cursor if len(lines) > most else None
    return Timeline(_chapters(_titled(lines[:most]), "event" in parts), older)


def _order(cursor: Cursor) -> tuple[datetime, int, int]:
    return cursor.at, PARTS.index(cursor.part), cursor.pk


MOMENTS: dict[Part, str] = {"event": "occurred_at", "transition": "at", "message": "created_at"}


def _rows(part: Part, contact: Contact) -> QuerySet[Event] | QuerySet[Transition] | QuerySet[Message]:
    if part == "event":
        return Event.objects.filter(contact=contact)
    if part == "transition":
        return Transition.objects.filter(journey__contact=contact).select_related(
            "journey__chain", "journey__version"
        )
    return (
        Message.objects.filter(contact=contact)
        .select_related("journey__chain", "journey__version", "body")
        .defer("body__html", "body__text")
    )


def _before(rows: QuerySet, part: Part, until: Cursor | None) -> QuerySet:
    moment = MOMENTS[part]
    rows = rows.order_by(f"-{moment}", "-pk")
    if until is None:
        return rows
    older = Q(**{f"{moment}__lt": until.at})
    same_moment = Q(**{moment: until.at})
    if part == until.part:
        return rows.filter(older | (same_moment & Q(pk__lt=until.pk)))
    return rows.filter(older | same_moment if PARTS.index(part) < PARTS.index(until.part) else older)


def _lines(part: Part, rows: QuerySet) -> Iterator[Line]:
    for row in rows:
        yield Line(getattr(row, MOMENTS[part]), **{part: row})


def _titled(lines: list[Line]) -> list[Line]:
    """The lines with the names of the templates their messages came from."""
    keys = {line.message.template_key for line in lines if line.message}
    names = dict(Template.objects.filter(key__in=keys).values_list("key", "name")) if keys else {}
    return [
        Line(
            line.at,
            message=line.message,
            title=names.get(line.message.template_key, line.message.template_key),
        )
        if line.message
        else line
        for line in lines
    ]


def _chapters(lines: list[Line], with_events: bool) -> list[Chapter]:
    journeys = {line.journey.pk: line.journey for line in lines if line.journey}
    started = _starting_events(journeys.values()) if with_events else {}
    chapters: list[Chapter] = []
    of_journey: dict[int, Chapter] = {}
    for line in lines:
        journey = line.journey
        if journey is None:
            chapters.append(Chapter(line.at, None, None, [line]))
            continue
        if journey.pk not in of_journey:
            of_journey[journey.pk] = Chapter(line.at, journey, started.get(journey.entry_event_id or 0))
            chapters.append(of_journey[journey.pk])
        of_journey[journey.pk].lines.append(line)
    return chapters


def _starting_events(journeys: Collection[Journey]) -> dict[int, Event]:
    return Event.objects.in_bulk([journey.entry_event_id for journey in journeys if journey.entry_event_id])
