"""How long to wait before a message is tried again."""

from __future__ import annotations

import random

from triggers.conf import settings


def retry_delay(attempt: int, asked: float | None = None, fraction: float | None = None) -> float:
    """Seconds until the next attempt: full jitter under a doubling roof, and not before the provider wants it, unless
    that is later than any retry of ours would be."""
    roof: float = min(settings.RETRY_MOST, settings.RETRY_FIRST * 2 ** min(attempt - 1, 30))
    jitter = random.random() if fraction is None else fraction  # noqa: S311
    return max(1.0, roof * jitter, min(asked or 0.0, settings.RETRY_MOST))
