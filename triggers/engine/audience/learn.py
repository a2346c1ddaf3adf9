"""Learns from events what contacts like and what buyers they are, slice by slice; can be done anew at any time."""

from __future__ import annotations

import logging
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, Sum

from triggers.core.liking import LOOK_BACK, WEIGHTS, Seen, likings, price_borders, prices_in
from triggers.core.rfm import edges, fifth, rfm_class
from triggers.crashpoints import crash_point
from triggers.engine.audience.data import NumberIn
from triggers.engine.shards import read_clock
from triggers.logs import note
from triggers.models import Contact, Event, Trait, TraitKind
from triggers.sql import insert_rows

logger = logging.getLogger(__name__)

# Contacts of one transaction, and of one question about buyers.
SLICE = 500
BUYERS_SLICE = 20_000
# Newest events that are looked at for what the shop's prices are.
EVENTS_FOR_PRICES = 10_000
PURCHASE, AMOUNT = "purchase", ("value",)
RFM_PERIOD = timedelta(days=365)

# Of one buyer: moment of the last order, number of orders, what they came to.
Buyer = tuple[float, float, float]
Borders = tuple[tuple[float, ...], ...]


def learn() -> int:
    """Write every contact's traits anew; returns of how many contacts something is known.

    May be killed and run again, and run beside itself: each slice is one transaction that comes to the same rows.
    """
    now = read_clock()
    prices = price_borders(_prices())
    buyers = _buyer_borders(now)
    known = sum(_learn_slice(slice_, prices, buyers, now) for slice_ in _slices(SLICE))
    note(logger, logging.INFO, "learn.done", contacts=known)
    return known


def _prices() -> list[float]:
    newest = Event.objects.filter(name__in=WEIGHTS).order_by("-recorded_at")[:EVENTS_FOR_PRICES]
    return [price for data in newest.values_list("data", flat=True) for price in prices_in(data)]


def _buyer_borders(now: datetime) -> Borders:
    """Where the fifths begin, for each of the three measures, among all buyers of the period."""
    columns = (array("d"), array("d"), array("d"))
    for slice_ in _slices(BUYERS_SLICE):
        for buyer in _buyers(slice_, now).values():
            for column, value in zip(columns, buyer, strict=True):
                column.append(value)
    return tuple(edges(sorted(column)) for column in columns)


@transaction.atomic
def _learn_slice(contacts: Sequence[int], prices: Sequence[float], buyers: Borders, now: datetime) -> int:
    """Four statements, however many contacts."""
    seen = _seen(contacts, now)
    rows = [row for pk, events in seen.items() for row in _likings(pk, events, prices, now)]
    for pk, buyer in _buyers(contacts, now).items():
        classes = [fifth(value, borders) for value, borders in zip(buyer, buyers, strict=True)]
        rows.append((pk, TraitKind.RFM, rfm_class(*classes), float(sum(classes)), 1))
    Trait.objects.filter(contact__in=contacts).delete()
    # Another run may be at the same slice: it comes to the same.
    insert_rows(Trait, ("contact_id", "kind", "value", "score", "rank"), rows, skips_taken=True)
    crash_point("learn.before_commit")
    return len({row[0] for row in rows})


def _seen(contacts: Sequence[int], now: datetime) -> dict[int, list[Seen]]:
    events = Event.objects.filter(contact__in=contacts, name__in=WEIGHTS, recorded_at__gte=now - LOOK_BACK)
    seen: dict[int, list[Seen]] = defaultdict(list)
    for contact_id, *one in events.values_list("contact_id", "name", "occurred_at", "data"):
        seen[contact_id].append(tuple(one))
    return seen


def _likings(
    pk: int, events: list[Seen], prices: Sequence[float], now: datetime
) -> Iterator[tuple[Any, ...]]:
    for kind, values in likings(events, prices, now).items():
        for rank, (value, score) in enumerate(values, 1):
            yield pk, kind, value, score, rank


def _buyers(contacts: Sequence[int], now: datetime) -> dict[int, Buyer]:
    """Those of these contacts who ordered in the period."""
    orders = Event.objects.filter(
        contact__gte=contacts[0], contact__lte=contacts[-1], name=PURCHASE, occurred_at__gte=now - RFM_PERIOD
    )
    rows = (
        orders.order_by()
        .values_list("contact")
        .annotate(last=Max("occurred_at"), times=Count("pk"), total=Sum(NumberIn("data", AMOUNT)))
    )
    return {
        pk: (last.timestamp(), float(times), float(total or Decimal())) for pk, last, times, total in rows
    }


def _slices(size: int) -> Iterator[list[int]]:
    """Ids of all contacts, in order."""
    last = 0
    while page := list(
        Contact.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:size]
    ):
        last = page[-1]
        yield page
