"""What the contact did: events of a period, how many there are and what they add up to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, DecimalField, Exists, OuterRef, Q, QuerySet, Sum, Value
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
AMOUNT: Any = DecimalField(max_digits=40, decimal_places=20)
THING = ("items", "item_id")


@translates(Happened)
def _happened(criterion: Happened, now: datetime) -> Q:
    """One look at the events, whatever is asked of them; at rows that the sums are made of only where there are sums."""
    events = events_of(criterion.event, criterion.period, criterion.filters, now, criterion.clock)
    needs_events, allows = _bounds(criterion)
    if not needs_events:
        # A contact without events fits; so those are left out who have too many, or too much.
        return without(_whose(events, criterion, ~allows)) if allows else EVERYBODY
    if allows == Q(times__gte=1):
        return Q(Exists(events.filter(contact=OuterRef("pk"))))
    return _whose(events, criterion, allows)


def _bounds(criterion: Happened) -> tuple[bool, Q]:
    """Whether a contact without events fails, and what must hold for the number and the sum of one with events."""
    allows, fails = Q(), False
    if criterion.at_least:
        allows, fails = Q(times__gte=criterion.at_least), True
    if criterion.at_most is not None:
        allows &= Q(times__lte=criterion.at_most)
    if criterion.sum_at_least is not None:
        allows &= Q(total__gte=criterion.sum_at_least)
        fails |= criterion.sum_at_least > 0
    if criterion.sum_at_most is not None:
        allows &= Q(total__lte=criterion.sum_at_most)
        fails |= criterion.sum_at_most < 0
    return fails, allows


def _whose(events: QuerySet[Event], criterion: Happened, holds: Q) -> Q:
    """Contacts for whom something holds of the `times` and the `total` of their events."""
    counted = events.order_by().values("contact").annotate(times=Count("*"))
    if criterion.sum_path:
        counted = counted.annotate(total=_total(criterion.sum_path.split(".")))
    return Q(pk__in=counted.filter(holds).values("contact"))


def _total(path: list[str]) -> Any:
    return Round(Coalesce(Sum(NumberIn("data", path)), Value(0), output_field=AMOUNT), PLACES)


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
