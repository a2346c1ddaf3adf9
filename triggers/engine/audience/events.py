"""What the contact did: events of a period, how many there are and what they add up to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, Round

from triggers.core.criteria import DidNotFollow, Happened
from triggers.core.payload import PayloadFilter
from triggers.core.periods import Period
from triggers.engine.audience.data import NumberIn, SharesValue, filters_on
from triggers.engine.audience.groups import EVERYBODY, without
from triggers.engine.audience.where import translates
from triggers.models import Event

# Events may be recorded a day before they happen (`payloads.MOST_AHEAD`), never earlier.
MOST_AHEAD = timedelta(days=1)
# Places behind the point to which sums are compared; databases add fractions up differently.
PLACES = 4
THING = ("items", "item_id")


@translates(Happened)
def _happened(criterion: Happened, now: datetime) -> Q:
    events = events_of(criterion.event, criterion.period, criterion.filters, now, criterion.clock)
    condition = EVERYBODY
    if criterion.at_least:
        condition &= _at_least(events, criterion.at_least)
    if criterion.at_most is not None:
        condition &= without(_at_least(events, criterion.at_most + 1))
    if criterion.sum_path:
        totals = _Totals(events, criterion.sum_path.split("."))
        condition &= totals.at_least(criterion.sum_at_least) & totals.at_most(criterion.sum_at_most)
    return condition


@translates(DidNotFollow)
def _did_not_follow(criterion: DidNotFollow, now: datetime) -> Q:
    first = events_of(criterion.event, criterion.period, criterion.filters, now)
    other = events_of(criterion.never, criterion.period, (), now).filter(contact=OuterRef("contact"))
    same_object = ~Q(object_ref="") & Q(object_ref=OuterRef("object_ref"))
    same_thing = other.filter(same_object | Q(SharesValue("data", OuterRef("data"), THING)))
    return Q(Exists(first.filter(~Q(Exists(same_thing)), contact=OuterRef("pk"))))


def events_of(
    name: str,
    period: Period,
    filters: tuple[PayloadFilter, ...],
    now: datetime,
    clock: str = "occurred",
) -> QuerySet[Event]:
    """Events of all contacts in a period, by the moment that counts."""
    first, end = period.bounds(now)
    events = Event.objects.filter(*filters_on("data", filters), name=name)
    if first is not None:
        # The index and the months go by when it was recorded.
        since = first if clock == "recorded" else first - MOST_AHEAD
        events = events.filter(recorded_at__gte=since)
    if clock == "recorded":
        return events if end is None else events.filter(recorded_at__lt=end)
    if first is not None:
        events = events.filter(occurred_at__gte=first)
    return events if end is None else events.filter(occurred_at__lt=end)


def _at_least(events: QuerySet[Event], count: int) -> Q:
    if count <= 1:
        return Q(Exists(events.filter(contact=OuterRef("pk")))) if count else EVERYBODY
    counted = _by_contact(events).annotate(times=Count("pk")).filter(times__gte=count)
    return Q(pk__in=counted.values("contact"))


class _Totals:
    """Bounds for what a number in the data of events adds up to; for a contact without events that is nought."""

    def __init__(self, events: QuerySet[Event], path: list[str]) -> None:
        total: Any = Round(
            Coalesce(Sum(NumberIn("data", path)), 0, output_field=NumberIn.output_field), PLACES
        )
        self.by_contact = _by_contact(events).annotate(total=total)

    def at_least(self, amount: float | None) -> Q:
        if amount is None:
            return EVERYBODY
        return self._where(total__gte=amount) if amount > 0 else without(self._where(total__lt=amount))

    def at_most(self, amount: float | None) -> Q:
        if amount is None:
            return EVERYBODY
        return without(self._where(total__gt=amount)) if amount >= 0 else self._where(total__lte=amount)

    def _where(self, **bound: float) -> Q:
        return Q(pk__in=self.by_contact.filter(**bound).values("contact"))


def _by_contact(events: QuerySet[Event]) -> QuerySet[Event, Any]:
    return events.order_by().values("contact")
