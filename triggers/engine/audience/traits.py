"""What was learned about the contact."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Exists, OuterRef, Q

from triggers.core.criteria import HasTrait
from triggers.engine.audience.where import translates
from triggers.models import Trait


@translates(HasTrait)
def _has_trait(criterion: HasTrait, now: datetime) -> Q:
    """Only what fits best counts: a favourite is one."""
    return Q(
        Exists(
            Trait.objects.filter(
                contact=OuterRef("pk"), kind=criterion.kind, value__in=criterion.values, rank=1
            )
        )
    )
