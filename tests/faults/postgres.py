"""What an administrator, or bad luck, does to a PostgreSQL server while the shop is open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql

from tests.services import login, service_url


@contextmanager
def other_session(**options: Any) -> Iterator[psycopg.Connection[Any]]:
    """A connection of somebody else's to the test's database; autocommit unless told otherwise."""
    from django.db import connection

    defaults = {"autocommit": True, "dbname": connection.settings_dict["NAME"]}
    with psycopg.connect(**(login(service_url("TRIGGERS_TEST_POSTGRES_URL")) | defaults | options)) as one:
        yield one


def kill_others(session: psycopg.Connection[Any]) -> int:
    """End every connection to the database but this session's and this process's. Returns how many there were."""
    from django.db import connection

    connection.ensure_connection()
    mine = [session.info.backend_pid, connection.connection.info.backend_pid]
    found = session.execute(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> ALL(%s) AND backend_type = 'client backend'",
        [mine],
    ).fetchone()
    return int(found[0]) if found else 0


def waiting_for_a_lock(session: psycopg.Connection[Any]) -> int:
    """Sessions that stand still behind somebody's lock."""
    # Inside a transaction the server would show the same picture again and again.
    session.execute("SELECT pg_stat_clear_snapshot()")
    found = session.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ).fetchone()
    return int(found[0]) if found else 0


@contextmanager
def stuck_commits(session: psycopg.Connection[Any], table: str) -> Iterator[None]:
    """Within it, a transaction that inserted into the table stands still *during* its COMMIT, behind a lock of `session`."""
    name = sql.Identifier(f"stuck_{table}")
    session.execute("SELECT pg_advisory_lock(4711)")
    session.execute(
        sql.SQL(
            "CREATE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END $$"
        ).format(name)
    )
    session.execute(
        sql.SQL(
            "CREATE CONSTRAINT TRIGGER {} AFTER INSERT ON {} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {}()"
        ).format(name, sql.Identifier(table), name)
    )
    try:
        yield
    finally:
        session.execute("SELECT pg_advisory_unlock(4711)")
        session.execute(sql.SQL("DROP FUNCTION {} CASCADE").format(name))


@contextmanager
def failing_writes(session: psycopg.Connection[Any], table: str, sqlstate: str) -> Iterator[None]:
    """Within it, nothing can be added to the table: the server answers with this SQLSTATE."""
    name = sql.Identifier(f"failing_{table}")
    session.execute(
        sql.SQL(
            "CREATE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = {}; END $$"
        ).format(name, sql.Literal(sqlstate))
    )
    session.execute(
        sql.SQL("CREATE TRIGGER {} BEFORE INSERT ON {} FOR EACH STATEMENT EXECUTE FUNCTION {}()").format(
            name, sql.Identifier(table), name
        )
    )
    try:
        yield
    finally:
        session.execute(sql.SQL("DROP FUNCTION {} CASCADE").format(name))


@contextmanager
def limited_role(session: psycopg.Connection[Any]) -> Iterator[tuple[str, str]]:
    """Name and password of a role that may do everything with the tables, over one connection."""
    name, password = f"faults_{session.info.dbname}", uuid4().hex
    role = sql.Identifier(name)
    session.execute(
        sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} CONNECTION LIMIT 1").format(role, sql.Literal(password))
    )
    for what in ("TABLES", "SEQUENCES"):
        session.execute(sql.SQL("GRANT ALL ON ALL {} IN SCHEMA public TO {}").format(sql.SQL(what), role))
    try:
        yield name, password
    finally:
        session.execute(sql.SQL("DROP OWNED BY {}").format(role))
        session.execute(sql.SQL("DROP ROLE {}").format(role))


@contextmanager
def database_setting(session: psycopg.Connection[Any], name: str, value: str) -> Iterator[None]:
    """Within it, new connections to the database have this setting."""
    database = sql.Identifier(session.info.dbname)
    setting = sql.SQL("ALTER DATABASE {} SET {} = {}").format(
        database, sql.Identifier(name), sql.Literal(value)
    )
    session.execute(setting)
    try:
        yield
    finally:
        session.execute(sql.SQL("ALTER DATABASE {} RESET {}").format(database, sql.Identifier(name)))
