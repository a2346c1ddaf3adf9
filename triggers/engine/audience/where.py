"""A criterion as a query over contacts. One translator for each criterion; they live in the files beside this one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import Q, QuerySet
from django.utils import timezone

from triggers.core.criteria import Criterion
from triggers.models import Contact

C = TypeVar("C", bound=Criterion)
Translator = Callable[[Any, datetime], Q]

_translators: dict[type[Criterion], Translator] = {}


def contacts_where(criterion: Criterion, now: datetime) -> QuerySet[Contact]:
    """The contacts that fit, as one query that has yet to run. `now` is aware; days begin in the shop's time zone.

    Nobody who was erased, or became another contact, is among them.

    InSegment must have been replaced by what it stands for (`criterion_of` does). Raises TypeError for a criterion that
    nobody translates.
    """
    people = Contact.objects.filter(merged_into__isnull=True, erased_at__isnull=True)
    return people.filter(where(criterion, timezone.localtime(now)))


def where(criterion: Criterion, now: datetime) -> Q:
    """A criterion as a condition on Contact."""
    try:
        translator = _translators[type(criterion)]
    except KeyError:
        raise TypeError(f"no query is known for {type(criterion).__name__}") from None
    return translator(criterion, now)


def translates(kind: type[C]) -> Callable[[Callable[[C, datetime], Q]], Callable[[C, datetime], Q]]:
    """Decorator of the function that puts one kind of criterion into a condition on Contact."""

    def register(function: Callable[[C, datetime], Q]) -> Callable[[C, datetime], Q]:
        _translators[kind] = function
        return function

    return register
