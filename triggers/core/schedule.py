"""Moments: elapsed waits, wall-clock waits, and local times that a clock change skips or repeats.

Minutes and hours are elapsed time. Days, weeks and times of day are wall clock in the contact's zone.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """The zone called `name`, or UTC: an unknown zone must never stop a journey."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def resolve_local(wall: datetime, zone: ZoneInfo) -> datetime:
    """The UTC instant of a naive wall time: skipped times give the first valid instant after, repeated ones the first."""
    earlier = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if earlier.astimezone(zone).replace(tzinfo=None) == wall:
        return earlier
    return _end_of_gap(wall, zone)


def _end_of_gap(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant at which the clock jumps over `wall`, to the second."""
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    after = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    offset_before = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(zone).utcoffset() == offset_before:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


def add_days(since: datetime, days: int, zone: ZoneInfo, at: time | None = None) -> datetime:
    """`days` later on the contact's calendar, at the same wall time or at `at`; never before `since`."""
    local = since.astimezone(zone)
    wall = datetime.combine(local.date() + timedelta(days=days), at or local.time())
    return max(since, resolve_local(wall, zone))


def next_local_time(since: datetime, at: time, zone: ZoneInfo, weekdays: Collection[int] = ()) -> datetime:
    """The first instant after `since` that is `at` on the contact's clock, on one of `weekdays` (0 is Monday)."""
    first_day = since.astimezone(zone).date()
    for offset in range(15):
        day: date = first_day + timedelta(days=offset)
        if weekdays and day.weekday() not in weekdays:
            continue
        moment = resolve_local(datetime.combine(day, at), zone)
        if moment > since:
            return moment
    raise ValueError(f"no weekday in {weekdays!r}")
