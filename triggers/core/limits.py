"""How much one contact gets: frequency caps over rolling windows, and who gives way to whom.

All messages here are of one contact, one channel and one class. No window of a cap's length, wherever it begins, holds
more than the cap allows: what is planned for later counts as much as what has left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_noop

from triggers.core.schedule import QuietHours, after_quiet
from triggers.core.values import Reason, Value

OnHit = Literal["skip", "put_off"]

FULL = gettext_noop("already %(most)s in %(window)s")
FULL_BECAUSE = gettext_noop("already %(most)s in %(window)s, “%(chain)s” goes first")
FULL_AFTER = gettext_noop("already %(most)s in %(window)s, “%(chain)s” was earlier")
HOURS = gettext_noop("%(number)s h")
DAYS = gettext_noop("%(number)s d")


class Cap(Value, frozen=True):
    """At most `most` messages in any `hours` hours."""

    most: int
    hours: int

    @property
    def span(self) -> timedelta:
        return timedelta(hours=self.hours)


class Taken(Value, frozen=True):
    """A message that takes room: `at` is when it began to leave, or is to leave.

    `id` 0: it is queued by the decisions of this very turn. `is_movable`: it waits, and no sender can take it meanwhile.
    `has_left`: it is on its way or beyond.
    """

    at: datetime
    id: int = 0
    chain: str = ""
    priority: int = 0
    is_movable: bool = False
    has_left: bool = False
    expires_at: datetime | None = None


class Limits(Value, frozen=True):
    """What holds for one message that a journey may send now: the shop's rule for its channel and class, and who else has
    room already.

    `late_seconds`: how late it may be, None for however late. `expires_seconds`: how long it may wait by default.
    """

    message_class: str = "marketing"
    late_seconds: float | None = None
    expires_seconds: float = 172_800.0
    quiet: QuietHours | None = None
    caps: tuple[Cap, ...] = ()
    on_hit: OnHit = "skip"
    taken: tuple[Taken, ...] = ()

    def windows(self, chain_quiet: QuietHours | None) -> tuple[QuietHours, ...]:
        """The shop's quiet hours, then the chain's."""
        if self.quiet is None:
            return (chain_quiet,) if chain_quiet is not None else ()
        return (self.quiet, chain_quiet) if chain_quiet is not None else (self.quiet,)


def full_cap(at: datetime, caps: Iterable[Cap], moments: Collection[datetime]) -> Cap | None:
    """The first cap that one more message at `at` would exceed, or None when there is room."""
    ordered = sorted((*moments, at))
    for cap in caps:
        # As many as the cap allows stand between the two; so they must be its whole length apart.
        for first, last in zip(ordered, ordered[cap.most :], strict=False):
            if first <= at <= last and last - first < cap.span:
                return cap
    return None


def first_room(
    at: datetime,
    caps: Sequence[Cap],
    moments: Collection[datetime],
    windows: Sequence[QuietHours],
    zone: ZoneInfo,
) -> datetime:
    """The first instant from `at` on that is neither quiet nor full."""
    at = after_quiet(at, windows, zone)
    while cap := full_cap(at, caps, moments):
        # Room appears only where a message falls out of the window.
        at = min(moment + cap.span for moment in moments if moment + cap.span > at)
        at = after_quiet(at, windows, zone)
    return at


def who_gives_way(
    at: datetime, caps: Sequence[Cap], taken: Sequence[Taken], priority: int
) -> tuple[Taken, ...]:
    """The waiting messages of less important chains that must go so that there is room at `at`.

    The least important and latest first, and none that need not; empty when all of them together are not enough.
    """
    movable = [one for one in taken if one.is_movable and one.priority < priority]
    movable.sort(key=lambda one: (one.priority, -one.at.timestamp()))
    going: list[Taken] = []
    for one in movable:
        going.append(one)
        if _has_room_without(going, at, caps, taken):
            break
    else:
        return ()
    for one in reversed(movable):
        fewer = [other for other in going if other is not one]
        if _has_room_without(fewer, at, caps, taken):
            going = fewer
    return tuple(going)


def _has_room_without(
    going: Sequence[Taken], at: datetime, caps: Sequence[Cap], taken: Sequence[Taken]
) -> bool:
    return full_cap(at, caps, [one.at for one in taken if one not in going]) is None


def why_full(cap: Cap, at: datetime, taken: Iterable[Taken], chain: str) -> Reason:
    """Why there is no room at `at` for a message of the chain called `chain`; it names another chain that took it."""
    near = [one for one in taken if abs(one.at - at) < cap.span and one.chain not in ("", chain)]
    data = {"most": cap.most, "window": _length(cap.hours)}
    if not near:
        return Reason(FULL, data)
    winner = max(near, key=lambda one: (one.priority, one.at))
    return Reason(FULL_AFTER if winner.has_left else FULL_BECAUSE, data | {"chain": winner.chain})


def _length(hours: int) -> dict[str, object]:
    """A cap's length as a reason inside a reason: whole days as days."""
    if hours % 24:
        return {"text": HOURS, "data": {"number": hours}}
    return {"text": DAYS, "data": {"number": hours // 24}}
