"""How long to wait before a message is tried again."""

from __future__ import annotations

import random

from triggers.conf import settings


def retry_delay(attempt: int, asked: float | None = None, fraction: float | None = None) -> float:
    """Seconds until the next attempt: full jitter under a doubling roof, and not before the provider wants it, unless
    that is later than any retry of ours would be."""
    roof: float = min(settings.RETRY_MOST, settings.RETRY_FIRST * 2 ** min(attempt - 1, 30))
    jitter = random.random() if fraction is None else fraction  # noqa: S311
    return max(1.0, roof * jitter, asked_delay(asked))


def asked_delay(asked: float | None) -> float:
    """Seconds that the provider asked for, as far as they are obeyed: 0 for none, nonsense, or the past."""
    return min(asked, settings.RETRY_MOST) if asked is not None and asked > 0 else 0.0
