"""The database's clock, the only one that decides: several servers share it, their own clocks drift."""

from __future__ import annotations

from typing import Any

from django.db.models.functions import Now


class DatabaseNow(Now):
    """`Now()` that is UTC on MariaDB too, where CURRENT_TIMESTAMP is in the session's time zone."""

    def as_mysql(self, compiler: Any, connection: Any, **extra_context: Any) -> Any:
        return self.as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **extra_context)
