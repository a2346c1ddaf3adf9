"""What was done since the beginning, as counters that only grow."""

from __future__ import annotations

from triggers.models import Heartbeat


def counters() -> dict[str, int]:
    """By the name of the sign of life: looks for work (`tick`), events and steps (`turn`), messages looked at by lane
    (`send:…`), captures that failed. One statement."""
    return dict(Heartbeat.objects.values_list("name", "count"))
