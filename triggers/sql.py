"""Many rows in one statement: our only dialect-specific SQL.

A batch travels as one parameter (PostgreSQL: one array a column; MariaDB and SQLite: one JSON document), so it takes
the same number of statements for one row and for five hundred, and no driver's parameter limit is ever met. Django's
`bulk_update` (one CASE branch a row and column) is ten and more times slower at this size.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models

from triggers.clock import DatabaseNow
from triggers.statements import batch_cursor, fetch, is_psycopg3

Row: TypeAlias = Sequence[Any]
Field: TypeAlias = "models.Field[Any, Any]"


def insert_rows(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    stamped: str = "",
    returning: Sequence[str] = (),
    skips_taken: bool = False,
) -> list[Row]:
    """Insert rows given as values of `columns` (attribute names). One statement.

    `stamped` is a further column that gets the database's time. With `skips_taken`, rows with a key that is there
    already are left out; otherwise the columns `returning` of all rows come back, in no order.
    """
    if not rows:
        return []
    fields = _fields(model, tuple(columns))
    source, values = _source(fields, rows)
    names, picked, moment = ", ".join(_quote(field.column) for field in fields), _picked(fields), list[Any]()
    if stamped:
        sql, moment = _moment(model)
        names, picked = f"{names}, {_quote(stamped)}", f"{picked}, {sql}"
    verb, suffix = _skipping() if skips_taken else ("INSERT", "")
    if returning:
        suffix += " RETURNING " + ", ".join(
            _quote(field.column) for field in _fields(model, tuple(returning))
        )
    with batch_cursor() as cursor:
        cursor.execute(
            f"{verb} INTO {_quote(model._meta.db_table)} ({names}) SELECT {picked} FROM {source}{suffix}",  # noqa: S608
            [*moment, *values],
        )
        return list(cursor.fetchall()) if returning else []


def update_rows(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    guard: str | tuple[str, ...],
    now: str = "",
) -> int:
    """Set columns of the rows whose key and guards fit. Returns how many rows were changed. One statement.

    `columns` is `("id", *guards, *others)`: each row has values in that order, those of the guards as they are expected.
    A guard may be set as well by naming it again. The column `now` gets the database's moment.
    """
    if not rows:
        return 0
    guards = (guard,) if isinstance(guard, str) else guard
    fields = _fields(model, tuple(columns))
    source, values = _source(fields, rows)
    table = _quote(model._meta.db_table)
    names = [_quote(field.column) for field in fields]
    fits = [f"{table}.{name} = v.c{n}" for n, name in enumerate(names[: 1 + len(guards)])]
    changes = [(names[n], _pick(fields[n], n)) for n in range(len(fits), len(names))]
    moment: list[Any] = []
    if now:
        sql, moment = _moment(model)
        changes.append((_quote(now), sql))
    with batch_cursor() as cursor:
        if connection.vendor == "mysql":
            sets = ", ".join(f"{table}.{name} = {value}" for name, value in changes)
            join = f"{table} JOIN {source} ON {' AND '.join(fits)}"
            cursor.execute(f"UPDATE {join} SET {sets}", [*values, *moment])  # noqa: S608
        else:
            sets = ", ".join(f"{name} = {value}" for name, value in changes)
            if connection.vendor == "postgresql":
                # Said twice, because it would read a whole small table to join it with the batch.
                fits.append(f"{table}.{names[0]} = ANY(%s)")
                values = [*values, [row[0] for row in rows]]
            where = " AND ".join(fits)
            cursor.execute(f"UPDATE {table} SET {sets} FROM {source} WHERE {where}", [*moment, *values])  # noqa: S608
        return int(cursor.rowcount)


def _moment(model: type[models.Model]) -> tuple[str, list[Any]]:
    """The database's clock in SQL, with its values."""
    sql, values = (
        model._default_manager.all().query.get_compiler(connection=connection).compile(DatabaseNow())
    )
    return sql, list(values)


def add_rows(
    model: type[models.Model],
    keys: Sequence[str],
    sums: Sequence[str],
    rows: models.QuerySet[Any, tuple[Any, ...]],
) -> None:
    """Insert what a `values_list()` gives for `keys` and `sums`; a row that has the same keys gets the sums added.

    There is a unique constraint on the keys. One statement.
    """
    table = _quote(model._meta.db_table)
    columns = [_quote(field.column) for field in _fields(model, (*keys, *sums))]
    query, values = rows.query.sql_with_params()
    # With a WHERE, or SQLite would take ON CONFLICT for the condition of a join.
    insert = f"INSERT INTO {table} ({', '.join(columns)}) SELECT v.* FROM ({query}) AS v WHERE 1 = 1"  # noqa: S608
    added = columns[len(keys) :]
    if connection.vendor == "mysql":
        rule = "ON DUPLICATE KEY UPDATE " + ", ".join(
            f"{one} = {table}.{one} + VALUES({one})" for one in added
        )
    else:
        sets = ", ".join(f"{one} = {table}.{one} + excluded.{one}" for one in added)
        rule = f"ON CONFLICT ({', '.join(columns[: len(keys)])}) DO UPDATE SET {sets}"
    with connection.cursor() as cursor:
        cursor.execute(f"{insert} {rule}", values)


def delete_rows(model: type[models.Model], keys: Sequence[int]) -> None:
    """Delete rows by their keys; what depends on them in Python (cascades, signals) is not asked. One statement.

    MariaDB reads a whole small table for `WHERE id IN (…)`, and waits for every row that anybody has not committed yet:
    for the shop's own transactions, and for those of other workers, which may wait for this one.
    """
    if not keys:
        return
    fields = [model._meta.pk]
    table, key = _quote(model._meta.db_table), _quote(model._meta.pk.column)
    source, values = _source(fields, [(one,) for one in keys])
    if connection.vendor == "mysql":
        statement = f"DELETE {table} FROM {source} STRAIGHT_JOIN {table} ON {table}.{key} = v.c0"
    elif connection.vendor == "postgresql":
        statement, values = f"DELETE FROM {table} WHERE {key} = ANY(%s)", [list(keys)]  # noqa: S608
    else:
        statement = f"DELETE FROM {table} WHERE {key} IN (SELECT v.c0 FROM {source})"  # noqa: S608
    with batch_cursor() as cursor:
        cursor.execute(statement, values)


def select_for(fields: Sequence[Field], rows: Sequence[Row], statement: str) -> list[tuple[Any, ...]]:
    """Rows of a SELECT about many things at once: they stand in it as `{rows}`, a table `v(c0, c1, …)`.

    Their values have the types of `fields`. One statement.
    """
    # Not even what all have in common is shown to the planner: one moment for all may lure it into another index.
    source, values = _source(fields, rows, shares=False)
    with batch_cursor() as cursor:
        cursor.execute(statement.format(rows=source), values)
        return list(cursor.fetchall())


def read_rows(queryset: models.QuerySet[Any, tuple[Any, ...]]) -> list[Row]:
    """What a `values_list()` of plain columns gives, on PostgreSQL in binary form. One statement."""
    if not is_psycopg3():
        return list(queryset)
    return fetch(*queryset.query.sql_with_params())


def _skipping() -> tuple[str, str]:
    """How an insert begins and ends that passes over rows which are there already."""
    if connection.vendor == "mysql":
        return "INSERT IGNORE", ""
    # SQLite would read ON CONFLICT as a join without a condition before it.
    return "INSERT", " WHERE true ON CONFLICT DO NOTHING"


@lru_cache(maxsize=64)
def _fields(model: type[models.Model], columns: tuple[str, ...]) -> list[Field]:
    by_name = {field.attname: field for field in model._meta.concrete_fields}
    return [by_name[name] for name in columns]


def _quote(name: str | None) -> str:
    assert name is not None, "an abstract field has no column"
    return connection.ops.quote_name(name)


def _source(fields: Sequence[Field], rows: Sequence[Row], *, shares: bool = True) -> tuple[str, list[Any]]:
    """The batch as a table `v(c0, c1, …)` and the parameters of its placeholders.

    With `shares`, what is the same in every row may travel once.
    """
    columns = [
        _prepared(field, values) for field, values in zip(fields, zip(*rows, strict=True), strict=True)
    ]
    if connection.vendor == "postgresql":
        return _unnest(fields, columns, shares)
    document = json.dumps(list(zip(*columns, strict=True)), default=str)
    return (_json_table if connection.vendor == "mysql" else _json_each)(fields), [document]


def _picked(fields: Sequence[Field]) -> str:
    """All columns of the batch as they are selected from it."""
    return ", ".join(_pick(field, number) for number, field in enumerate(fields))


def _pick(field: Field, number: int) -> str:
    if connection.vendor == "postgresql" and isinstance(field, models.JSONField):
        return f"v.c{number}::jsonb"
    return f"v.c{number}"


def _unnest(fields: Sequence[Field], columns: Sequence[list[Any]], shares: bool) -> tuple[str, list[Any]]:
    """An array for each column, and one value for those that are the same in every row."""
    mark = "%b" if is_psycopg3() else "%s"
    given, once, arrays = [], [], []
    for number, (field, values) in enumerate(zip(fields, columns, strict=True)):
        # The first is always an array: it gives the number of rows.
        if number and shares and values[0] == values[-1] and values.count(values[0]) == len(values):
            given.append(f"{mark}::{_postgres_type(field)} AS c{number}")
            once.append(values[0])
        else:
            given.append(f"c{number}")
            arrays.append((f"c{number}", f"{mark}::{_postgres_type(field)}[]", values))
    names, marks, varying = zip(*arrays, strict=True)
    table = f"unnest({', '.join(marks)}) AS u({', '.join(names)})"
    return f"(SELECT {', '.join(given)} FROM {table}) AS v", [*once, *varying]  # noqa: S608


def _postgres_type(field: Field) -> str:
    if isinstance(field, models.JSONField | models.CharField | models.TextField):
        return "text"
    return str(field.rel_db_type(connection) if field.primary_key else field.db_type(connection))


def _json_table(fields: Sequence[Field]) -> str:
    columns = ", ".join(
        f"c{number} {_mariadb_type(field)} PATH '$[{number}]'" for number, field in enumerate(fields)
    )
    return f"JSON_TABLE(%s, '$[*]' COLUMNS({columns})) AS v"


def _mariadb_type(field: Field) -> str:
    if isinstance(field, models.JSONField | models.TextField):
        return "longtext"
    if isinstance(field, models.UUIDField):
        # JSON_TABLE knows no uuid type; the text becomes one when it is stored.
        return "char(36)"
    return str(field.rel_db_type(connection) if field.primary_key else field.db_type(connection))


def _json_each(fields: Sequence[Field]) -> str:
    columns = ", ".join(f"json_extract(value, '$[{number}]') AS c{number}" for number in range(len(fields)))
    return f"(SELECT {columns} FROM json_each(%s)) AS v"  # noqa: S608


def _prepared(field: Field, values: Iterable[Any]) -> list[Any]:
    """One column's values as the database takes them."""
    if isinstance(field, models.JSONField):
        return [_json(value) for value in values]
    if isinstance(field, models.CharField):
        # Members of enumerations would be stored by their names.
        return [None if value is None else str(value) for value in values]
    if isinstance(field, models.DateTimeField):
        adapt: Callable[[datetime], Any] = connection.ops.adapt_datetimefield_value
        return [None if value is None else adapt(value) for value in values]
    if isinstance(field, models.UUIDField):
        if connection.vendor == "postgresql" or connection.features.has_native_uuid_field:
            return list(values)
        return [value.hex for value in values]
    return list(values)


def _json(value: Any) -> str:
    """A value as JSON, ten times as fast as Django's encoder, which is asked about what is not plain."""
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError):
        return json.dumps(value, cls=DjangoJSONEncoder)
