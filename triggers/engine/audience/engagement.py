"""What the contact does with what it gets."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from triggers.core.criteria import Engaged, Engagement
from triggers.engine.audience.groups import EVERYBODY, without
from triggers.engine.audience.where import translates
from triggers.models import Message, MessageState

# Handed over to the provider; what bounced got to nobody.
GOT = (MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.COMPLAINED)
# A click counts as an opening: pictures are often blocked.
REACTIONS: dict[Engagement, Q] = {
    "got": Q(),
    "opened": Q(opened_at__isnull=False) | Q(clicked_at__isnull=False),
    "clicked": Q(clicked_at__isnull=False),
    "silent": Q(opened_at__isnull=True, clicked_at__isnull=True),
}


@translates(Engaged)
def _engaged(criterion: Engaged, now: datetime) -> Q:
    messages = Message.objects.filter(
        REACTIONS[criterion.what], state__in=GOT, accepted_at__gte=now - timedelta(days=criterion.days)
    )
    if criterion.channel:
        messages = messages.filter(channel=criterion.channel)
    condition = EVERYBODY
    if criterion.at_least:
        condition &= _at_least(messages, criterion.at_least)
    if criterion.at_most is not None:
        condition &= without(_at_least(messages, criterion.at_most + 1))
    return condition


def _at_least(messages: QuerySet[Message], count: int) -> Q:
    if count == 1:
        return Q(Exists(messages.filter(contact=OuterRef("pk"))))
    counted = messages.order_by().values("contact").annotate(times=Count("*")).filter(times__gte=count)
    return Q(pk__in=counted.values("contact"))
