"""On PostgreSQL, events and transitions become tables of monthly pieces, so that old months are dropped, not deleted.

Copies what is there, under a lock: on a large table that takes a while, and nobody can write to it meanwhile.
Other databases keep plain tables. Undoing leaves the pieces as they are.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations

# The moment that never changes once a row is written.
TABLES = {"triggers_event": "recorded_at", "triggers_transition": "at"}


def partition(apps: Any, editor: Any) -> None:
    if editor.connection.vendor != "postgresql":
        return
    for table, moment in TABLES.items():
        _partition(editor, table, moment)


def _partition(editor: Any, table: str, moment: str) -> None:
    indexes = _indexes(editor, table)
    editor.execute(f"ALTER TABLE {table} RENAME TO {table}_plain")
    editor.execute(
        f"CREATE TABLE {table} (LIKE {table}_plain INCLUDING DEFAULTS INCLUDING IDENTITY) PARTITION BY RANGE ({moment})"
    )
    # Where no month was made in time; nothing is ever refused for want of one.
    editor.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")
    editor.execute(f"INSERT INTO {table} SELECT * FROM {table}_plain")  # noqa: S608
    editor.execute(
        f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), COALESCE(max(id), 1), count(id) > 0) FROM {table}"  # noqa: S608
    )
    editor.execute(f"DROP TABLE {table}_plain")
    # A key of a table in pieces has to hold what they are cut by.
    editor.execute(f"ALTER TABLE {table} ADD PRIMARY KEY (id, {moment})")
    for name, definition, is_unique in indexes:
        if is_unique:
            columns = definition.rpartition("(")[2].rstrip(")")
            editor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE ({columns}, {moment})")
        else:
            editor.execute(definition)


def _indexes(editor: Any, table: str) -> list[tuple[str, str, bool]]:
    """Name, definition and uniqueness of a table's indexes but its primary key's."""
    with editor.connection.cursor() as cursor:
        cursor.execute(
            """SELECT i.relname, pg_get_indexdef(x.indexrelid), x.indisunique
            FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
            WHERE x.indrelid = %s::regclass AND NOT x.indisprimary""",
            [table],
        )
        return list(cursor.fetchall())


class Migration(migrations.Migration):
    dependencies = [("triggers", "0001_initial")]

    operations = [migrations.RunPython(partition, migrations.RunPython.noop, elidable=False)]
