"""How often events were recorded: all questions of a batch, about all its journeys, in one statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from triggers.core.payload import matches
from triggers.core.values import JourneyState
from triggers.models import Event
from triggers.sql import Row, select_for

# Event's name, days or None for "since the journey began", filters of its data, only about the journey's own object.
Question = tuple[Any, ...]
Counts = dict[Question, dict[int, int]]

# A row: question, journey, contact, event's name, since when, which event not to count, about what (None: anything).
_COLUMNS = ("id", "id", "contact_id", "name", "recorded_at", "id", "object_ref")
_COUNTED = """FROM {rows} JOIN triggers_event e ON e.contact_id = v.c2 AND e.name = v.c3 AND e.recorded_at >= v.c4
    AND (v.c5 IS NULL OR e.id <> v.c5) AND (v.c6 IS NULL OR e.object_ref = v.c6)"""
_NUMBERS = f"SELECT v.c0, v.c1, COUNT(*) {_COUNTED} GROUP BY v.c0, v.c1"
_DATA = f"SELECT v.c0, v.c1, e.data {_COUNTED}"


def count_events(questions: Mapping[Question, Sequence[JourneyState]], now: datetime) -> Counts:
    """Counts by question and journey. The event that began a journey does not count as one since then.

    Two statements at most: filters are tried here, so questions with filters need the events' data.
    """
    counts = {args: {one.id: 0 for one in asking} for args, asking in questions.items()}
    by_number = list(questions)
    rows: dict[bool, list[Row]] = {False: [], True: []}
    for number, (args, asking) in enumerate(questions.items()):
        _name, _days, filters, _same_object = args
        rows[bool(filters)] += _rows(number, args, asking, now)
    if rows[False]:
        for number, journey_id, count in select_for(Event, _COLUMNS, rows[False], _NUMBERS):
            counts[by_number[number]][journey_id] = count
    if rows[True]:
        parse: Any = Event._meta.get_field("data").from_db_value
        for number, journey_id, data in select_for(Event, _COLUMNS, rows[True], _DATA):
            args = by_number[number]
            counts[args][journey_id] += matches(args[2], parse(data, None, connection))
    return counts


def _rows(number: int, args: Question, asking: Sequence[JourneyState], now: datetime) -> Iterator[Row]:
    name, days, _filters, same_object = args
    first = now - timedelta(days=days) if days is not None else None
    for one in asking:
        yield (
            number,
            one.id,
            one.contact_id,
            name,
            first or one.entered_at,
            None if first else one.entry_event_id,
            one.object_ref if same_object else None,
        )
