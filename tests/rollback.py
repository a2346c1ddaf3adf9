"""A transaction of the shop that does not come to its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.db import transaction


class PaymentFailedError(Exception):
    """What the shop's code raised."""


@contextmanager
def rolled_back() -> Iterator[None]:
    """A transaction, or inside of one a savepoint, in which an error happens at the end."""
    with suppress(PaymentFailedError), transaction.atomic():
        yield
        raise PaymentFailedError
