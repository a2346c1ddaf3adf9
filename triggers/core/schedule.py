"""Moments: elapsed waits, wall-clock waits, and local times that a clock change skips or repeats.

Minutes and hours are elapsed time. Days, weeks, times of day and quiet hours are wall clock in the contact's zone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from triggers.core.values import Value


class QuietHours(Value, frozen=True):
    """A part of the day in which nothing leaves: from `start` up to `end`, past midnight when `end` is the earlier.

    The two differ, so one window never covers the whole day.
    """

    start: time
    end: time

    def holds(self, wall: time) -> bool:
        """Whether a time of day lies in the window."""
        if self.start < self.end:
            return self.start <= wall < self.end
        return wall >= self.start or wall < self.end


def quiet_hours(start: time | None, end: time | None) -> QuietHours | None:
    """The window between two times of day, or None when there is none or it has no length."""
    return QuietHours(start, end) if start is not None and end is not None and start != end else None


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


def after_quiet(moment: datetime, windows: Sequence[QuietHours], zone: ZoneInfo) -> datetime:
    """The first instant from `moment` on at which the contact's clock shows a time outside all windows.

    Windows that together leave no time of day would keep a message for ever: then the last of them does not count.
    """
    while leave_no_time(windows):
        windows = windows[:-1]
    while ends := [_end_of(one, moment, zone) for one in windows if one.holds(_wall(moment, zone))]:
        moment = max(ends)
    return moment


def leave_no_time(windows: Sequence[QuietHours]) -> bool:
    """Whether every time of day lies in one of the windows: none of them ends where the others leave a gap."""
    return bool(windows) and all(any(other.holds(one.end) for other in windows) for one in windows)


def _wall(moment: datetime, zone: ZoneInfo) -> time:
    return moment.astimezone(zone).time()


def _end_of(window: QuietHours, moment: datetime, zone: ZoneInfo) -> datetime:
    """When the window that holds `moment` ends."""
    day = moment.astimezone(zone).date()
    if _wall(moment, zone) >= window.end:
        day += timedelta(days=1)
    wall = datetime.combine(day, window.end)
    end = resolve_local(wall, zone)
    # The clock was put back: what ended already ends once more.
    return end if end > moment else wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
