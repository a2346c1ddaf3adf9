"""One bad row must not stop its neighbours: halve the batch until it is alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from django.db import transaction

from triggers.transient import is_transient

T = TypeVar("T")

MOST_ERROR_CHARS = 2000


def isolate(
    rows: Sequence[T], work: Callable[[Sequence[T]], None], poison: Callable[[T, Exception], None]
) -> None:
    """Do `work` on all rows, or on all but those for which it fails alone; these go to `poison`.

    Each attempt is a savepoint. Transient errors (deadlock, server gone) are nobody's fault and are raised.
    """
    try:
        with transaction.atomic():
            work(rows)
    except Exception as error:
        if is_transient(error):
            raise
        if len(rows) == 1:
            poison(rows[0], error)
            return
        middle = len(rows) // 2
        isolate(rows[:middle], work, poison)
        isolate(rows[middle:], work, poison)


def describe(error: Exception) -> str:
    """An error as text that every database stores: no NUL, no lone surrogates, bounded."""
    text = f"{type(error).__name__}: {error}".replace("\0", "")
    return text.encode(errors="replace").decode()[:MOST_ERROR_CHARS]
