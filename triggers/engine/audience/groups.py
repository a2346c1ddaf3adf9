"""All of, any of, none of."""

from __future__ import annotations

from datetime import datetime
from functools import reduce
from operator import and_, or_

from django.db.models import Exists, OuterRef, Q

from triggers.core.criteria import Both, ConsentIs, Either, FieldIs, HasTag, Not
from triggers.engine.audience.where import translates, where
from triggers.models import Contact

# Cheap for each contact, so that looking at one row after the other is best.
READ_WITH_THE_CONTACT = (FieldIs, HasTag, ConsentIs)
NOBODY = Q(pk__in=())
EVERYBODY = ~NOBODY


@translates(Both)
def _both(criterion: Both, now: datetime) -> Q:
    return reduce(and_, [where(one, now) for one in criterion.of], EVERYBODY)


@translates(Either)
def _either(criterion: Either, now: datetime) -> Q:
    """Sets that are put together: an OR of subqueries would be asked anew for each of a million contacts."""
    conditions = [where(one, now) for one in criterion.of]
    if not conditions:
        return NOBODY
    if len(conditions) == 1 or all(isinstance(one, READ_WITH_THE_CONTACT) for one in criterion.of):
        return reduce(or_, conditions)
    first, *others = [Contact.objects.filter(condition).order_by().values("pk") for condition in conditions]
    return Q(pk__in=first.union(*others))


@translates(Not)
def _not(criterion: Not, now: datetime) -> Q:
    """Through the contact's own row, because PostgreSQL turns NOT EXISTS into a join and NOT IN into a search."""
    return without(where(criterion.of, now))


def without(condition: Q) -> Q:
    """Contacts that a condition does not hold for."""
    return ~Q(Exists(Contact.objects.filter(condition, pk=OuterRef("pk"))))
