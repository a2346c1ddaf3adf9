"""Base of the entry kinds with a calendar: their moment comes in every time zone on its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from typing import Any, ClassVar

from triggers.core.schedule import resolve_local, zone_of
from triggers.entries.fanned import FannedEntry, Occasion, digest_of

# How an occasion is named: by its wall time.
WALL = "%Y-%m-%dT%H:%M"


class TimedEntry(FannedEntry):
    """Subclasses say when (`walls`) and who (`choose`), without asking a clock."""

    # Name of the event that the fan-out writes.
    event: ClassVar[str]

    def walls(self, config: Any, first: datetime, last: datetime) -> Iterable[datetime]:
        """The trigger's wall times (naive) from `first` to `last`, both included; the same in every time zone."""
        raise NotImplementedError

    def event_name(self, config: Any) -> str:
        return self.event


def every_day(at: str, first: datetime, last: datetime) -> Iterator[datetime]:
    """Each day's wall time `at` (HH:MM) from `first` to `last`, both included."""
    for number in range((last.date() - first.date()).days + 1):
        wall = datetime.combine(first.date() + timedelta(days=number), time.fromisoformat(at))
        if first <= wall <= last:
            yield wall


def occasions(
    kind: TimedEntry, config: Any, zone: str, walls: Iterable[datetime], shop_zone: str
) -> Iterator[Occasion]:
    """Wall times as moments in one zone; "" is the zone of the shop. Skipped and repeated hours as in `resolve_local`."""
    trigger, name = digest_of(kind.key, config), zone or shop_zone
    for wall in walls:
        yield Occasion(wall.strftime(WALL), resolve_local(wall, zone_of(name)), name, trigger)


def wall_of(occasion: Occasion) -> datetime:
    """The occasion's wall time (naive)."""
    return datetime.strptime(occasion.name, WALL)  # noqa: DTZ007
