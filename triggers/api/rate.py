"""Calls of one key in a minute, counted in Django's cache."""

from __future__ import annotations

import logging
import time

from django.core.cache import cache

from triggers.api.errors import Refusal
from triggers.conf import settings
from triggers.logs import note
from triggers.models import ApiKey

logger = logging.getLogger(__name__)

MINUTE = 60


def count_call(key: ApiKey) -> None:
    """Raises Refusal 429 when the key has used up its minute. A cache that is away lets everybody through."""
    now = time.time()
    name = f"triggers.api.{key.pk}.{int(now // MINUTE)}"
    try:
        cache.add(name, 0, 2 * MINUTE)
        calls = cache.incr(name)
    except Exception as error:
        note(logger, logging.WARNING, "api.not_counted", key=key.prefix, why=type(error).__name__)
        return
    if calls > settings.API_CALLS_PER_MINUTE:
        seconds = MINUTE - int(now % MINUTE)
        raise Refusal(429, "", "too many calls in this minute", {"Retry-After": str(seconds)})
