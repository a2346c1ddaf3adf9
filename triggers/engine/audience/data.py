"""Comparisons inside JSON documents, in SQL: what `core.payload` does in memory, with the very same answers.

A document is a JSON column or a JSONObject of plain columns. Paths and values travel as parameters only.

- PostgreSQL: JSON path in its lax mode, which goes through lists as we do; letters by Unicode's rules (ICU).
- MariaDB: every path with and without `[*]`, because its paths are strict about lists, and names both as they are and as
  JSON's writers escape them, because it compares them as they are written.
- SQLite, which has neither: functions that call `core.payload` itself, added to each connection by `connect()`.

On MariaDB some rare letters (Σ, İ and ß are not among them) may differ from Python's rules of case, and numbers are
exact to 35 digits before the point and 30 after it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import product
from typing import Any

from django.db.backends.signals import connection_created
from django.db.models import BooleanField, DecimalField, Func

from triggers.core.payload import Operator, PayloadFilter, compare, fold, number, numbers_at, values_at

# `core.payload.NUMBER` as databases write it.
NUMBER = r"^[+-]?([0-9]{1,20}(\.[0-9]{0,20})?|\.[0-9]{1,20})$"
SYMBOLS: dict[str, str] = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
# What casefold() does beyond lower(): before and after it.
BEFORE_LOWER = (("İ", "i̇"),)
AFTER_LOWER = (("ß", "ss"), ("ς", "σ"), ("µ", "μ"), ("ſ", "s"))

Params = tuple[Any, ...]


class Fits(Func):
    """Whether what a path leads to compares so: `Fits("data", ("items", "price"), "gte", 100)`. For use in filter()."""

    output_field = BooleanField()

    def __init__(self, document: Any, path: Sequence[str], op: Operator, value: Any = None) -> None:
        super().__init__(document)
        self.path, self.op, self.value = tuple(path), op, value

    def __repr__(self) -> str:
        return f"Fits({self.path}, {self.op}, {self.value!r})"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Params]:
        document, params = compiler.compile(self.source_expressions[0])
        asked = json.dumps([self.path, self.op, self.value])
        return f"triggers_fits({document}, %s)", (*params, asked)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Params]:
        return self._exists(compiler, POSTGRESQL)

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Params]:
        return self._exists(compiler, MARIADB)

    def _exists(self, compiler: Any, dialect: Dialect) -> tuple[str, Params]:
        document, params = compiler.compile(self.source_expressions[0])
        found, found_params = dialect.found(document, params, self.path)
        positive: Operator = {"ne": "eq", "missing": "exists"}.get(self.op, self.op)  # type: ignore[assignment]
        holds, holds_params = dialect.holds(positive, self.value)
        negated = "NOT " if positive != self.op else ""
        sql = f"{negated}EXISTS (SELECT 1 FROM {found} WHERE {holds})"  # noqa: S608
        return sql, (*found_params, *holds_params)


class NumberIn(Func):
    """The numbers that a path leads to in one document, added up; NULL when there is none."""

    output_field = DecimalField(max_digits=40, decimal_places=20)

    def __init__(self, document: Any, path: Sequence[str]) -> None:
        super().__init__(document)
        self.path = tuple(path)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Params]:
        document, params = compiler.compile(self.source_expressions[0])
        return f"triggers_number({document}, %s)", (*params, ".".join(self.path))

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Params]:
        return self._sum(compiler, POSTGRESQL)

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Params]:
        return self._sum(compiler, MARIADB)

    def _sum(self, compiler: Any, dialect: Dialect) -> tuple[str, Params]:
        document, params = compiler.compile(self.source_expressions[0])
        found, found_params = dialect.found(document, params, self.path)
        return f"(SELECT SUM({dialect.number}) FROM {found})", found_params  # noqa: S608


class SharesValue(Func):
    """Whether a path leads to a common value in two documents."""

    output_field = BooleanField()

    def __init__(self, one: Any, other: Any, path: Sequence[str]) -> None:
        super().__init__(one, other)
        self.path = tuple(path)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Params]:
        (one, params), (other, more) = (compiler.compile(each) for each in self.source_expressions)
        return f"triggers_shares({one}, {other}, %s)", (*params, *more, ".".join(self.path))

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Params]:
        return self._joined(compiler, POSTGRESQL)

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> tuple[str, Params]:
        return self._joined(compiler, MARIADB)

    def _joined(self, compiler: Any, dialect: Dialect) -> tuple[str, Params]:
        (one, params), (other, more) = (compiler.compile(each) for each in self.source_expressions)
        found, found_params = dialect.found(one, params, self.path)
        others, other_params = dialect.found(other, more, self.path, "w")
        same = f"{dialect.text} = {dialect.text.replace('v.', 'w.')}"
        sql = f"EXISTS (SELECT 1 FROM {found} JOIN {others} ON {same})"  # noqa: S608
        return sql, (*found_params, *other_params)


class Dialect:
    """How a database finds the values `v` in a document, and reads one of them as text or number.

    `text` is the value as `core.payload.fold` gives it, NULL for what has none; `number` likewise.
    """

    text: str
    number: str
    # The text of what "contains" may look into, and whether anything is there at all.
    searchable: str
    is_there: str
    # Where the second stands in the first, from 1.
    position: str

    def found(
        self, document: str, params: Params, path: Sequence[str], name: str = "v"
    ) -> tuple[str, Params]:
        raise NotImplementedError

    def holds(self, op: Operator, value: Any) -> tuple[str, Params]:
        """What must hold for one value; the operator is none of the negative ones."""
        value = "" if value is None else value
        if op == "exists":
            return self.is_there, ()
        if op == "contains":
            return f"{self.position.format(self.searchable)} > 0", (fold(value),)
        if op == "in":
            parts = [self._equals(part.strip()) for part in str(value).split(",")]
            sql = " OR ".join(f"({one})" for one, _params in parts)
            return sql, tuple(param for _sql, given in parts for param in given)
        if op == "eq":
            return self._equals(value)
        as_number = number(value)
        if as_number is not None:
            return f"{self.number} {SYMBOLS[op]} %s", (as_number,)
        return f"{self.number} IS NULL AND {self.text} {SYMBOLS[op]} %s", (fold(value),)

    def _equals(self, value: Any) -> tuple[str, Params]:
        as_number = number(value)
        if as_number is not None:
            return f"{self.number} = %s", (as_number,)
        return f"{self.text} = %s", (fold(value),)


def without_case(lowered: str) -> str:
    for old, new in AFTER_LOWER:
        lowered = f"REPLACE({lowered}, '{old}', '{new}')"
    return lowered


class PostgreSQL(Dialect):
    _text = "(v.v #>> '{}')"
    _type = "jsonb_typeof(v.v)"
    _folded = without_case('LOWER({} COLLATE "und-x-icu")').replace("{}", _text) + ' COLLATE "C"'
    text = f"CASE WHEN {_type} IN ('string', 'number', 'boolean') THEN {_folded} END"
    searchable = f"CASE WHEN {_type} IN ('string', 'boolean') OR {_type} = 'number' AND {_text} ~ '^-?[0-9]+$' THEN {_folded} END"
    number = (
        f"CASE {_type} WHEN 'number' THEN {_text}::numeric WHEN 'string' THEN"
        f" CASE WHEN {_text} ~ '{NUMBER}' THEN {_text}::numeric END END"
    )
    is_there = f"{_type} NOT IN ('null', 'array') AND v.v <> '\"\"'::jsonb"
    position = "strpos({}, %s)"

    def found(
        self, document: str, params: Params, path: Sequence[str], name: str = "v"
    ) -> tuple[str, Params]:
        where = "$." + ".".join(json.dumps(one, ensure_ascii=False) for one in path) + "[*]"
        return f"jsonb_path_query({document}, %s::jsonpath, '{{}}', true) AS {name}(v)", (*params, where)


class MariaDB(Dialect):
    _text = "JSON_UNQUOTE(v.v)"
    _type = "JSON_TYPE(v.v)"
    _folded = without_case(f"LOWER(REPLACE({_text}, '{BEFORE_LOWER[0][0]}', '{BEFORE_LOWER[0][1]}'))") + (
        " COLLATE utf8mb4_nopad_bin"
    )
    text = f"CASE WHEN {_type} IN ('STRING', 'INTEGER', 'DOUBLE', 'BOOLEAN') THEN {_folded} END"
    searchable = f"CASE WHEN {_type} IN ('STRING', 'INTEGER', 'BOOLEAN') THEN {_folded} END"
    number = (
        f"CASE WHEN {_type} IN ('INTEGER', 'DOUBLE') OR {_type} = 'STRING' AND {_text} REGEXP '{NUMBER}'"
        f" THEN CAST({_text} AS DECIMAL(65,30)) END"
    ).replace("\\.", "[.]")
    is_there = f"{_type} NOT IN ('NULL', 'ARRAY') AND v.v <> '\"\"'"
    position = "LOCATE(%s, {})"

    def found(
        self, document: str, params: Params, path: Sequence[str], name: str = "v"
    ) -> tuple[str, Params]:
        written = [{one, json.dumps(one)[1:-1]} for one in path]
        variants = [
            "$" + "".join(f'."{one}"{star}' for one, star in zip(names, stars, strict=True))
            for names in product(*written)
            for stars in product(("", "[*]"), repeat=len(path))
        ]
        marks = ", ".join(["%s"] * len(variants))
        table = f"JSON_TABLE(JSON_EXTRACT({document}, {marks}), '$[*]' COLUMNS(v JSON PATH '$')) AS {name}"
        return table, (*params, *variants)


POSTGRESQL = PostgreSQL()
MARIADB = MariaDB()


def connect() -> None:
    """Give every connection to SQLite the functions that the other databases do not need."""
    connection_created.connect(_add_functions, dispatch_uid="triggers.engine.audience.data")


def _add_functions(connection: Any, **kwargs: Any) -> None:
    if connection.vendor == "sqlite":
        add = connection.connection.create_function
        add("triggers_fits", 2, _fits, deterministic=True)
        add("triggers_number", 2, _number, deterministic=True)
        add("triggers_shares", 3, _shares, deterministic=True)


def _fits(document: str | None, asked: str) -> bool:
    path, op, value = _asked(asked)
    return compare(op, values_at(path, json.loads(document)) if document else [], value)


@lru_cache(maxsize=256)
def _asked(text: str) -> tuple[list[str], Operator, Any]:
    path, op, value = json.loads(text)
    return path, op, value


def _number(document: str | None, path: str) -> float | None:
    found = numbers_at(path.split("."), json.loads(document)) if document else []
    return float(sum(found, Decimal())) if found else None


def _shares(one: str, other: str, path: str) -> bool:
    return bool(things_in(json.loads(one), path.split(".")) & things_in(json.loads(other), path.split(".")))


def things_in(data: Any, path: Sequence[str]) -> set[str]:
    """Texts that a path leads to, as they are compared."""
    return {fold(one) for one in values_at(path, data) if one is not None and not isinstance(one, dict)}


def filters_on(document: str, filters: Sequence[PayloadFilter]) -> list[Fits]:
    """Payload filters as conditions on a JSON column."""
    return [Fits(document, one.path.split("."), one.op, one.value) for one in filters]
