"""A PostgreSQL database of the run's own: made, migrated, and dropped whatever happens."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import django
import psycopg
from psycopg import sql

from tests.services import find, login, service_url

SETTINGS_SHOWN = (
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "shared_buffers",
    "max_wal_size",
)


def start_django() -> None:
    """Django with the benchmarks' settings. For processes of the harness; what needs no database may call it alone."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    django.setup()


@contextmanager
def own_database() -> Iterator[None]:
    """An empty migrated database `triggers_bench_<process id>`, Django set up on it. Ends the program without a server."""
    service = find("postgres")
    if not service.is_usable:
        raise SystemExit(f"this benchmark needs {service}")
    name = f"triggers_bench_{os.getpid()}"
    os.environ["TRIGGERS_BENCH_DATABASE"] = name
    _on_server("CREATE DATABASE {}", name)
    try:
        start_django()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        yield
    finally:
        _on_server("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)


def run_sql(statement: str, values: Any = None) -> list[tuple[Any, ...]]:
    """The rows a statement gives, on Django's connection; a `%` that is no placeholder is doubled when there are values."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall()) if cursor.description else []


def tidy(*tables: str) -> None:
    """What autovacuum and the checkpointer would do at a moment of their own choice, done now."""
    for table in tables:
        run_sql(f"VACUUM (ANALYZE) {table}")
    run_sql("CHECKPOINT")


def durability() -> dict[str, str]:
    """The server's version and the settings that decide what a commit costs, as they are in our sessions."""
    return {f"postgresql_{name}": run_sql(f"SHOW {name}")[0][0] for name in SETTINGS_SHOWN}


def _on_server(statement: str, name: str) -> None:
    with psycopg.connect(
        **login(service_url("TRIGGERS_TEST_POSTGRES_URL")), dbname="postgres", autocommit=True
    ) as one:
        one.execute(sql.SQL(statement).format(sql.Identifier(name)))
