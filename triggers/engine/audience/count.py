"""How many there are, within a time that somebody is willing to wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction
from django.db.models import QuerySet

from triggers.exceptions import TriggersError
from triggers.models import Contact

QUERY_CANCELED = "57014"


class TooSlow(TriggersError):
    """The database was asked to stop, because it took longer than allowed."""


def count_and_sample(contacts: QuerySet[Contact], size: int, seconds: float) -> tuple[int, list[Contact]]:
    """How many contacts, and a few of them. Raises TooSlow on PostgreSQL when it takes longer than `seconds`.

    Other databases answer however long it takes.
    """
    with analysing(seconds):
        plain = contacts.order_by()
        count = plain.count()
        return count, list(plain[:size]) if count and size else []


@contextmanager
def analysing(seconds: float = 0) -> Iterator[None]:
    """A transaction for a question about very many rows; on PostgreSQL it ends after `seconds` (0: never).

    Raises TooSlow then. There, PostgreSQL gets the memory that such a question needs, and compiles nothing: that takes
    longer than all the rest.
    """
    if connection.vendor != "postgresql":
        yield
        return
    try:
        with transaction.atomic():
            usual = _set({"statement_timeout": f"{seconds * 1000:.0f}", "jit": "off", "work_mem": "64MB"})
            yield
            # They would hold for the rest of a transaction that goes on around this.
            _set(usual)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") == QUERY_CANCELED:
            raise TooSlow(f"the database took longer than {seconds:g} s") from error
        raise


def _set(values: dict[str, str]) -> dict[str, str]:
    """Set for this transaction; returns what it was."""
    with connection.cursor() as cursor:
        usual = {}
        for name, value in values.items():
            cursor.execute("SELECT current_setting(%s), set_config(%s, %s, true)", [name, name, value])
            usual[name] = cursor.fetchone()[0]
        return usual
