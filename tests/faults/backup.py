"""A backup of our tables, put back as an administrator does: ids that were given since are given once more."""

from __future__ import annotations

from django.apps import apps
from django.core.management.color import no_style
from django.db import connection, transaction


class Backup:
    """What the tables hold when it is made. PostgreSQL; it ends with the session."""

    def __init__(self) -> None:
        self._models = list(apps.get_app_config("triggers").get_models())
        self._tables = [model._meta.db_table for model in self._models]
        with connection.cursor() as cursor:
            for table in self._tables:
                cursor.execute(f"CREATE TEMPORARY TABLE backup_{table} AS TABLE {table}")

    def restore(self) -> None:
        # The tables point at each other: that is looked at when all are there.
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {', '.join(self._tables)} RESTART IDENTITY CASCADE")
            for table in self._tables:
                cursor.execute(f"INSERT INTO {table} SELECT * FROM backup_{table}")
                cursor.execute(f"DROP TABLE backup_{table}")
            for statement in connection.ops.sequence_reset_sql(no_style(), self._models):
                cursor.execute(statement)
