"""What people may do to messages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db.models.functions import Coalesce
from django.utils.translation import gettext_noop

from triggers.clock import DatabaseNow
from triggers.conf import settings
from triggers.core.values import Reason
from triggers.delivery.stop import Stop
from triggers.delivery.unknown import end_unsent
from triggers.models import Message, MessageState
from triggers.models.message import WAITING, MessageQuerySet

BY_HAND = gettext_noop("queued again by a person")
CANCELLED = Stop(MessageState.CANCELLED, Reason(gettext_noop("cancelled by a person")))
ARRIVED = gettext_noop("a person says that it arrived")
GIVEN_UP = gettext_noop("given up by a person: it may have arrived, or not")


def retry_messages(ids: Iterable[int]) -> int:
    """Queue failed, expired and unknown messages once more; all checks apply again. Returns how many.

    An `unknown` message may have arrived: whoever retries it accepts a second copy.
    """
    states = (MessageState.FAILED, MessageState.UNKNOWN, MessageState.EXPIRED)
    return Message.objects.filter(pk__in=list(ids), state__in=states).update(
        state=MessageState.QUEUED,
        reason=BY_HAND,
        reason_data={},
        send_after=DatabaseNow(),
        lease_until=None,
        unknown_since=None,
        crashes=0,
        expires_at=DatabaseNow() + timedelta(seconds=settings.EXPIRES_AFTER),
    )


def cancel_messages(ids: Iterable[int]) -> int:
    """Take queued and held messages out of the queue; what may have been sent stays `unknown`. Returns how many."""
    return end_unsent(Message.objects.filter(pk__in=list(ids), state__in=WAITING), CANCELLED)


def take_as_sent(ids: Iterable[int]) -> int:
    """Somebody has seen that these unknown messages arrived. Returns how many."""
    return _unknown(ids).update(
        state=MessageState.ACCEPTED,
        accepted_at=Coalesce("accepted_at", DatabaseNow()),
        lease_until=None,
        reason=ARRIVED,
        reason_data={},
    )


def give_up(ids: Iterable[int]) -> int:
    """Unknown messages that nobody will send again. A later report of the provider still counts. Returns how many."""
    return _unknown(ids).update(
        state=MessageState.CANCELLED, lease_until=None, reason=GIVEN_UP, reason_data={}
    )


def _unknown(ids: Iterable[int]) -> MessageQuerySet:
    return Message.objects.filter(pk__in=list(ids), state=MessageState.UNKNOWN)
