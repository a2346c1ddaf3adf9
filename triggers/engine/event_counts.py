"""How often events were recorded: all questions of a batch, about all its journeys, in one statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from triggers.core.payload import matches
from triggers.core.values import JourneyState
from triggers.models import Event, EventDay
from triggers.sql import select_for
from triggers.statements import Row

# Event's name, days or None for "since the journey began", filters of its data, only about the journey's own object.
Question = tuple[Any, ...]
Counts = dict[Question, dict[int, int]]

# A row: question, journey, contact, event's name, since when, which event not to count, about what (None: anything),
# and the first day of which purged events count (None: of none).
_FIELDS: list[Any] = [
    *map(Event._meta.get_field, ("id", "id", "contact", "name", "recorded_at", "id", "object_ref")),
    EventDay._meta.get_field("day"),
]
_EVENTS = """triggers_event e WHERE e.contact_id = v.c2 AND e.name = v.c3 AND e.recorded_at >= v.c4
    AND (v.c5 IS NULL OR e.id <> v.c5) AND (v.c6 IS NULL OR e.object_ref = v.c6)"""
_DAYS = "triggers_eventday d WHERE d.contact_id = v.c2 AND d.name = v.c3 AND d.day >= v.c7"
# Both in one statement: an event that is purged in this moment is seen in one of the tables, not in both or neither.
_DAYS_COUNTED = f"COALESCE((SELECT SUM(d.count) FROM {_DAYS}), 0)"  # noqa: S608
_NUMBERS = f"SELECT v.c0, v.c1, (SELECT COUNT(*) FROM {_EVENTS}) + {_DAYS_COUNTED} FROM {{rows}}"  # noqa: S608
_DATA = f"SELECT v.c0, v.c1, e.data FROM {{rows}}, {_EVENTS}"  # noqa: S608


def count_events(questions: Mapping[Question, Sequence[JourneyState]], now: datetime) -> Counts:
    """Counts by question and journey. The event that began a journey does not count as one since then.

    Of purged events only the day is known: those of the day (UTC) in which a window begins count as inside it. Two
    statements at most: filters are tried here, so questions with filters need the events' data.
    """
    counts = {args: {one.id: 0 for one in asking} for args, asking in questions.items()}
    by_number = list(questions)
    rows: dict[bool, list[Row]] = {False: [], True: []}
    for number, (args, asking) in enumerate(questions.items()):
        _name, _days, filters, _same_object = args
        rows[bool(filters)] += _rows(number, args, asking, now)
    if rows[False]:
        for number, journey_id, count in select_for(_FIELDS, rows[False], _NUMBERS):
            counts[by_number[number]][journey_id] = int(count)
    if rows[True]:
        parse: Any = Event._meta.get_field("data").from_db_value
        for number, journey_id, data in select_for(_FIELDS, rows[True], _DATA):
            args = by_number[number]
            counts[args][journey_id] += matches(args[2], parse(data, None, connection))
    return counts


def is_counted_by_days(question: Question) -> bool:
    """Whether the sums of purged events answer it; for all others the events themselves are kept."""
    _name, days, filters, same_object = question
    return days is not None and not filters and not same_object


def _rows(number: int, args: Question, asking: Sequence[JourneyState], now: datetime) -> Iterator[Row]:
    name, days, _filters, same_object = args
    first = now - timedelta(days=days) if days is not None else None
    first_day = first.astimezone(UTC).date() if first and is_counted_by_days(args) else None
    for one in asking:
        yield (
            number,
            one.id,
            one.contact_id,
            name,
            first or one.entered_at,
            None if first else one.entry_event_id,
            one.object_ref if same_object else None,
            first_day,
        )
