"""Doubles for the tests of host projects: the engine run at once, at any moment, and the texts it sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any
from unittest.mock import patch

from django.db.models import DateTimeField, Value
from django.db.models.functions import Cast

from triggers import statements
from triggers.clock import DatabaseNow
from triggers.delivery.sms.locmem import outbox as sms_outbox
from triggers.engine import marks
from triggers.engine.plan import plan_fanouts
from triggers.workload import do_work

__all__ = ["database_clock", "run_due", "sms_outbox"]

# More rounds than any chain has steps that follow each other without a wait.
MOST_ROUNDS = 100


def run_due() -> int:
    """Plan what the calendar brings, match all events, move all due journeys and send what they queued. Returns how much
    was done.

    A journey that a test made due in the past is found as well.
    """
    marks.forget()
    plan_fanouts()
    done = 0
    for _round in range(MOST_ROUNDS):
        worked = do_work()
        if not worked:
            return done
        done += worked
    raise AssertionError("there is always more to do")


@contextmanager
def database_clock(moment: datetime) -> Iterator[None]:
    """Let the database's clock stand at an aware moment: `with database_clock(start + timedelta(hours=3)): run_due()`."""

    def literal(self: DatabaseNow, compiler: Any, connection: Any, **extra: Any) -> Any:
        value = Value(moment, DateTimeField())
        # MariaDB gives a bare literal back as text.
        return compiler.compile(Cast(value, DateTimeField()) if connection.vendor == "mysql" else value)

    with ExitStack() as patches:
        for vendor in ("as_sql", "as_sqlite", "as_postgresql", "as_mysql"):
            patches.enter_context(patch.object(DatabaseNow, vendor, literal))
        patches.enter_context(patch.dict(statements.kept, clear=True))
        yield
