"""Signs of life: when something last happened and how often, for the health page and for monitoring."""

from __future__ import annotations

from django.db.models import F

from triggers.clock import DatabaseNow
from triggers.models import Heartbeat

MOST_DETAIL_CHARS = 300


def beat(name: str, *, times: int = 1, detail: str = "") -> None:
    """Count `times` more occurrences of `name`, now."""
    detail = detail.replace("\0", "").encode(errors="replace").decode()[:MOST_DETAIL_CHARS]
    row = Heartbeat.objects.filter(pk=name)
    if not row.update(at=DatabaseNow(), count=F("count") + times, detail=detail):
        Heartbeat.objects.bulk_create(
            [Heartbeat(name=name, at=DatabaseNow(), count=times, detail=detail)], ignore_conflicts=True
        )
