"""Adds events that are being purged to the days of their contacts, so that long windows can still be counted."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import Any

from django.db.models import Case, CharField, Count, DecimalField, QuerySet, Sum, Value, When
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Coalesce, TruncDate, Upper

from triggers.models import Event, EventDay
from triggers.sql import add_rows

KEYS = ("contact_id", "name", "day", "currency")
SUMS = ("count", "valued", "total")
# A number as shops write it, in JSON or as text (what Django makes of a Decimal); nothing that would burst the sum.
NUMBER = r"^-?[0-9]{1,12}(\.[0-9]+)?$"
CURRENCY = r"^[A-Za-z]{3}$"
MONEY: Any = DecimalField(max_digits=24, decimal_places=4)


def roll_up(events: QuerySet[Event]) -> None:
    """Add events to their days. For the transaction that deletes them and has locked them. One statement."""
    as_read = events.order_by().annotate(
        day=TruncDate("recorded_at", tzinfo=UTC),
        said_value=KT("data__value"),
        said_currency=KT("data__currency"),
    )
    money = Case(When(said_value__regex=NUMBER, then=Cast("said_value", MONEY)), output_field=MONEY)
    currency = Case(
        When(said_currency__regex=CURRENCY, then=Upper("said_currency")),
        default=Value(""),
        output_field=CharField(),
    )
    add_rows(
        EventDay,
        KEYS,
        SUMS,
        as_read.annotate(currency=currency, money=money)
        .values_list(*KEYS)
        .annotate(
            count=Count("pk"),
            valued=Count("money"),
            total=Coalesce(Sum("money"), Value(Decimal(0)), output_field=MONEY),
        )
        # Two who add to the same days wait for each other in one order.
        .order_by(*KEYS),
    )


def move_days(from_contact: int, to_contact: int) -> None:
    """Give one contact's days to another, who may have the same ones; after its events. Two statements."""
    days = EventDay.objects.filter(contact=from_contact)
    add_rows(
        EventDay, KEYS, SUMS, days.annotate(heir=Value(to_contact)).values_list("heir", *KEYS[1:], *SUMS)
    )
    days.delete()
