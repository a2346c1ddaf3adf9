"""Events and transitions by month, on PostgreSQL: pieces are made ahead and dropped whole. Elsewhere there are none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db import connection, models, transaction

from triggers.crashpoints import crash_point
from triggers.models import Event, PendingEvent, Transition

# What each table is cut by.
MOMENTS: dict[type[models.Model], str] = {Event: "recorded_at", Transition: "at"}
MONTHS_AHEAD = 3
# Making and dropping a piece wants a lock that a shop's inserts would wait behind: better tried again in an hour.
LOCK_TIMEOUT = "50ms"

Month = tuple[int, int]


def make_partitions(now: datetime) -> list[str]:
    """Make the pieces of this month and of the next MONTHS_AHEAD that are not there yet; returns their names.

    May be run at any time, by any number of processes. Raises OperationalError when a table is locked for too long.
    """
    made = []
    for model in _partitioned():
        for month in _months(now, MONTHS_AHEAD + 1):
            with transaction.atomic(), connection.cursor() as cursor:
                _enter(cursor, model)
                if month not in _existing(cursor, model):
                    made.append(_make(cursor, model, month))
                    crash_point("partition.made")
    return made


def drop_partitions(model: type[models.Model], before: datetime) -> list[str]:
    """Drop the pieces that lie wholly before a moment; returns their names. One with a pending event in it stays."""
    if model not in _partitioned():
        return []
    dropped = []
    with transaction.atomic(), connection.cursor() as cursor:
        _enter(cursor, model)
        for month in sorted(_existing(cursor, model)):
            if _first_of(_next(month)) <= before and not _is_needed(model, month):
                cursor.execute(f"DROP TABLE {_name(model, month)}")
                dropped.append(_name(model, month))
                crash_point("partition.dropped")
    return dropped


def is_partitioned(model: type[models.Model]) -> bool:
    """Whether a table is kept in pieces here."""
    return model in _partitioned()


def _partitioned() -> list[type[models.Model]]:
    return list(MOMENTS) if connection.vendor == "postgresql" else []


def _enter(cursor: Any, model: type[models.Model]) -> None:
    """One process at a time, and none that makes an insert wait."""
    cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
    cursor.execute(f"LOCK TABLE {model._meta.db_table} IN SHARE UPDATE EXCLUSIVE MODE")


def _existing(cursor: Any, model: type[models.Model]) -> set[Month]:
    """Months that have a piece, by their names; the default one has no month."""
    cursor.execute(
        """SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = %s::regclass""",
        [model._meta.db_table],
    )
    parts = [name.rsplit("_", 2)[1:] for (name,) in cursor.fetchall()]
    return {(int(year), int(month)) for year, month in parts if year.isdecimal()}


def _make(cursor: Any, model: type[models.Model], month: Month) -> str:
    """Make one piece beside its table, take over what had to go into the default one, and attach it."""
    table, name = model._meta.db_table, _name(model, month)
    start, end = _first_of(month), _first_of(_next(month))
    cursor.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING INDEXES)")
    cursor.execute(
        f"""WITH late AS (DELETE FROM {table}_default WHERE {MOMENTS[model]} >= %s AND {MOMENTS[model]} < %s RETURNING *)
        INSERT INTO {name} SELECT * FROM late""",  # noqa: S608
        [start, end],
    )
    cursor.execute(
        f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{start.isoformat()}') TO ('{end.isoformat()}')"
    )
    return name


def _is_needed(model: type[models.Model], month: Month) -> bool:
    """Whether an event of the month still waits for the engine, or for a person."""
    if model is not Event:
        return False
    start, end = _first_of(month), _first_of(_next(month))
    return PendingEvent.objects.filter(event__recorded_at__gte=start, event__recorded_at__lt=end).exists()


def _name(model: type[models.Model], month: Month) -> str:
    return f"{model._meta.db_table}_{month[0]}_{month[1]:02}"


def _months(now: datetime, count: int) -> Iterator[Month]:
    month = (now.astimezone(UTC).year, now.astimezone(UTC).month)
    for _ in range(count):
        yield month
        month = _next(month)


def _next(month: Month) -> Month:
    year, number = month
    return (year, number + 1) if number < 12 else (year + 1, 1)


def _first_of(month: Month) -> datetime:
    return datetime(*month, 1, tzinfo=UTC)
