"""Events and transitions by month, on PostgreSQL: pieces are made ahead and dropped whole. Elsewhere there are none."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.db import DatabaseError, OperationalError, connection, models, transaction

from triggers.crashpoints import crash_point
from triggers.logs import note
from triggers.models import Event, Transition

logger = logging.getLogger(__name__)

# What each table is cut by.
MOMENTS: dict[type[models.Model], str] = {Event: "recorded_at", Transition: "at"}
MONTHS_AHEAD = 3
# Making and dropping a piece wants a lock that a shop's inserts would wait behind: better tried again later.
LOCK_TIMEOUT = "50ms"
LOCK_TRIES = 20

Month = tuple[int, int]
Keep = Callable[[models.QuerySet[Any]], None]


def make_partitions(now: datetime) -> list[str]:
    """Make the pieces of this month and of the next MONTHS_AHEAD that are not there yet; returns their names.

    May be run at any time, by any number of processes. One whose table is locked for too long waits for the next run.
    """
    wanted = list(_months(now, MONTHS_AHEAD + 1))
    cut = [model for model in MOMENTS if is_partitioned(model)]
    missing = [(model, month) for model in cut for month in wanted if month not in _existing(model)]
    return [name for model, month in missing if (name := _try(model, month, _make))]


def drop_months(needed: models.QuerySet[Any], before: datetime, keep: Keep | None = None) -> Iterator[int]:
    """Drop the pieces that lie wholly before a moment and have no row in `needed`; how many rows went with each.

    `keep` may save, in the same transaction, what is wanted of their rows. Nobody can write to them meanwhile.
    """
    model = needed.model
    if not is_partitioned(model):
        return
    for month in sorted(_existing(model)):
        within = _within(model, month)
        if _first_of(_next(month)) > before or needed.filter(within).exists():
            continue
        count = model._default_manager.filter(within).count()
        if _try(model, month, partial(_drop, keep=keep)):
            yield count


def is_partitioned(model: type[models.Model]) -> bool:
    """Whether a table is kept in pieces here."""
    return connection.vendor == "postgresql" and model in MOMENTS


def _try(
    model: type[models.Model], month: Month, work: Callable[[Any, type[models.Model], Month], str]
) -> str:
    """Do it under the table's lock, one process at a time. Returns the piece's name, "" when it was not to be had now.

    No error stands in the way of the work that goes on meanwhile: without a piece of their own, rows go into the default one.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            cursor.execute(f"LOCK TABLE {model._meta.db_table} IN SHARE UPDATE EXCLUSIVE MODE")
            return work(cursor, model, month)
    except DatabaseError as error:
        note(logger, logging.WARNING, "partition.failed", piece=_name(model, month), why=str(error))
        return ""


def _existing(model: type[models.Model]) -> set[Month]:
    """Months that have a piece, by their names; the default one has no month."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = %s::regclass""",
            [model._meta.db_table],
        )
        parts = [name.rsplit("_", 2)[1:] for (name,) in cursor.fetchall()]
    return {(int(year), int(month)) for year, month in parts if year.isdecimal()}


def _make(cursor: Any, model: type[models.Model], month: Month) -> str:
    """Make one piece beside its table, take over what had to go into the default one, and attach it."""
    if month in _existing(model):
        return ""
    table, name = model._meta.db_table, _name(model, month)
    start, end = _first_of(month), _first_of(_next(month))
    cursor.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING INDEXES)")
    # What came into the default piece after the move would not let the new one be attached.
    cursor.execute(f"LOCK TABLE {table}_default IN SHARE ROW EXCLUSIVE MODE")
    cursor.execute(
        f"""WITH late AS (DELETE FROM {table}_default WHERE {MOMENTS[model]} >= %s AND {MOMENTS[model]} < %s RETURNING *)
        INSERT INTO {name} SELECT * FROM late""",  # noqa: S608
        [start, end],
    )
    cursor.execute(
        f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{start.isoformat()}') TO ('{end.isoformat()}')"
    )
    crash_point("partition.made")
    return name


def _drop(cursor: Any, model: type[models.Model], month: Month, keep: Keep | None) -> str:
    if month not in _existing(model):
        return ""
    if keep:
        # It may take minutes, in which everybody may read, but a row deleted elsewhere would be saved here as well.
        cursor.execute(f"LOCK TABLE {_name(model, month)} IN SHARE ROW EXCLUSIVE MODE")
        keep(model._default_manager.filter(_within(model, month)))
    _lock_out(cursor, model)
    cursor.execute(f"DROP TABLE {_name(model, month)}")
    crash_point("partition.dropped")
    return _name(model, month)


def _lock_out(cursor: Any, model: type[models.Model]) -> None:
    """Get a table for ourselves between two turns, with some patience: what went before would have to be done again."""
    for attempt in range(1, LOCK_TRIES + 1):
        try:
            with transaction.atomic():
                cursor.execute(f"LOCK TABLE {model._meta.db_table} IN ACCESS EXCLUSIVE MODE")
                return
        except OperationalError:
            if attempt == LOCK_TRIES:
                raise


def _within(model: type[models.Model], month: Month) -> models.Q:
    moment = MOMENTS[model]
    return models.Q(**{f"{moment}__gte": _first_of(month), f"{moment}__lt": _first_of(_next(month))})


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
