"""Queries whose SQL is written once per process, for what is asked again and again.

Django takes about half a millisecond to write a statement that PostgreSQL answers in a tenth of one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, TypeAlias

from django.db import connection, models
from django.db.backends.utils import CursorWrapper

Row: TypeAlias = Sequence[Any]


class Statement:
    """A `values_list()` of plain columns.

    With `by`, the name of a column, it is asked about a batch of keys, and its rows come in any order. Only on PostgreSQL
    is its SQL kept, where one array holds any number of keys; elsewhere it is an ordinary query.
    """

    def __init__(self, rows: models.QuerySet[Any, Any], by: str = "") -> None:
        self._rows, self._by = (rows.order_by() if by else rows), by

    def read(self, keys: Collection[Any] = ()) -> list[Row]:
        """The rows, with `by` those whose column is one of the keys. One statement."""
        if not is_psycopg3():
            return list(self._rows.filter(**{f"{self._by}__in": keys}) if self._by else self._rows.all())
        if self not in kept:
            kept[self] = self._write()
        sql, values = kept[self]
        return fetch(sql, (*values, list(keys)) if self._by else values)

    def _write(self) -> tuple[str, tuple[Any, ...]]:
        sql, values = self._rows.query.sql_with_params()
        if self._by:
            field = self._rows.model._meta.get_field(self._by)
            is_text = isinstance(field, models.CharField | models.TextField)
            kind = "text" if is_text else field.rel_db_type(connection)
            column = f"{_quote(self._rows.model._meta.db_table)}.{_quote(field.column)}"
            word = "AND" if self._rows.query.where else "WHERE"
            sql = f"{sql} {word} {column} = ANY(%s::{kind}[])"
        return sql, values


# With the values that stand in the SQL: a clock that is put back for a test is one of them.
kept: dict[Statement, tuple[str, tuple[Any, ...]]] = {}


class Instances:
    """Instances of a queryset whose column `by` is one of some keys, with its annotations and those that the `related`
    foreign keys point to."""

    def __init__(self, queryset: models.QuerySet[Any, Any], *related: str, by: str) -> None:
        self._model = queryset.model
        self._own = _columns(self._model)
        self._annotations = tuple(queryset.query.annotations)
        self._related = [_Related(self._model._meta.get_field(name)) for name in related]
        names = [*self._own, *self._annotations, *(name for one in self._related for name in one.names)]
        self._statement = Statement(queryset.values_list(*names), by)

    def read(self, keys: Collection[Any]) -> list[Any]:
        """The instances, as `select_related()` gives them. One statement."""
        return [self._instance(row) for row in self._statement.read(keys)]

    def _instance(self, row: Row) -> Any:
        end = len(self._own)
        instance = self._model.from_db(connection.alias, self._own, row[:end])
        for name in self._annotations:
            setattr(instance, name, row[end])
            end += 1
        for one in self._related:
            start, end = end, end + len(one.columns)
            one.field.set_cached_value(instance, one.instance(row[start:end]))
        return instance


class _Related:
    """The table that a foreign key points to."""

    def __init__(self, field: Any) -> None:
        self.field, self.model = field, field.related_model
        self.columns = _columns(self.model)
        self.names = [f"{field.name}__{name}" for name in self.columns]
        self._rest = [n for n, name in enumerate(self.columns) if name != self.model._meta.pk.attname]

    def instance(self, row: Row) -> Any:
        """None where the key points to nothing. The key itself does not tell: Django reads it from the other table."""
        if all(row[n] is None for n in self._rest):
            return None
        return self.model.from_db(connection.alias, self.columns, row)


def _columns(model: type[models.Model]) -> tuple[str, ...]:
    return tuple(field.attname for field in model._meta.concrete_fields)


def fetch(sql: str, values: Sequence[Any]) -> list[Row]:
    """The rows of a SELECT on PostgreSQL, read in binary form: turning the text of moments into moments takes four times
    as long as all the rest of reading a journey."""
    from psycopg.pq import Format

    with batch_cursor() as cursor:
        cursor.cursor.format = Format.BINARY
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def batch_cursor() -> CursorWrapper:
    """A cursor for a statement with many values.

    On PostgreSQL the arrays go to the server beside the statement, in its own binary form. Django's cursor would write
    them into the statement as text, which takes seven times as long.
    """
    if not is_psycopg3():
        return connection.cursor()
    from psycopg import Cursor

    connection.ensure_connection()
    cursor: Any = Cursor(connection.connection)
    return (
        connection.make_debug_cursor(cursor) if connection.queries_logged else connection.make_cursor(cursor)
    )


def is_psycopg3() -> bool:
    if connection.vendor != "postgresql":
        return False
    from django.db.backends.postgresql.psycopg_any import is_psycopg3 as is_3

    return is_3


def _quote(name: str) -> str:
    return connection.ops.quote_name(name)
