"""Errors of the database that are nobody's fault: the work is sound, the moment was not."""

from __future__ import annotations

from django.db import InterfaceError, OperationalError, connection

# SQLSTATE classes: connection lost, transaction rolled back (deadlock, serialization), no disk, memory or connection left,
# a lock that could not be had in time, operator intervention, the server's own input and output.
POSTGRESQL = ("08", "40", "53", "55P03", "57P", "58")
# Disk full, too many connections, table full, lock wait timeout, deadlock, server gone, connection lost during a query.
MARIADB = (1021, 1040, 1114, 1205, 1213, 2006, 2013)
SQLITE = ("locked", "busy", "disk is full", "disk I/O error")


def is_transient(error: BaseException) -> bool:
    """Whether the same work may succeed when it is done again, so that no row must be blamed for the error.

    Drivers raise OperationalError for much else: an unknown column in the host's own query is one on MariaDB and SQLite,
    a statement timeout on PostgreSQL. These belong to the rows that cause them.
    """
    if isinstance(error, InterfaceError):
        return True
    if not isinstance(error, OperationalError):
        return False
    cause = error.__cause__
    if connection.vendor == "postgresql":
        state = getattr(cause, "sqlstate", None)
        return state is None or state.startswith(POSTGRESQL)
    if connection.vendor == "mysql":
        return bool(cause and cause.args and cause.args[0] in MARIADB)
    return any(word in str(error) for word in SQLITE)


def is_read_only(error: BaseException) -> bool:
    """Whether the database takes no writes at the moment: a standby, or a server that was set so."""
    cause = error.__cause__
    if connection.vendor == "postgresql":
        return getattr(cause, "sqlstate", None) == "25006"
    if connection.vendor == "mysql":
        return bool(cause and cause.args and cause.args[0] in (1290, 1792, 1836))
    return "readonly" in str(error)
