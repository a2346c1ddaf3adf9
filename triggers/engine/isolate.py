"""One bad row must not stop its neighbours: halve the batch until it is alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from django.db import InterfaceError, OperationalError, transaction

T = TypeVar("T")


def isolate(
    rows: Sequence[T], work: Callable[[Sequence[T]], None], poison: Callable[[T, Exception], None]
) -> None:
    """Do `work` on all rows, or on all but those for which it fails alone; these go to `poison`.

    Each attempt is a savepoint. Errors of the connection (deadlock, server gone) are nobody's fault and are raised.
    """
    try:
        with transaction.atomic():
            work(rows)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        if len(rows) == 1:
            poison(rows[0], error)
            return
        middle = len(rows) // 2
        isolate(rows[:middle], work, poison)
        isolate(rows[middle:], work, poison)
