"""Messages of which nobody can tell whether they were sent, and the ways out that need no person.

A report of the provider lifts them at any time (tracking/anymail.py). Where the provider knows a message again by its
key, they are sent again with it: that cannot make a second copy. Else the policy of their class is followed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils.module_loading import import_string
from django.utils.translation import gettext_noop

from triggers.accounts import accounts, parse_lane
from triggers.clock import DatabaseNow
from triggers.conf import settings
from triggers.control import nothing_is_paused
from triggers.core.values import Reason
from triggers.crashpoints import crash_point
from triggers.delivery.backends import backend_class
from triggers.delivery.stop import Stop
from triggers.models import Channel, Message, MessageClass, MessageState
from triggers.models.message import MessageQuerySet

# Rows of one kind that a look settles; the next look takes the next ones.
SLICE = 500
# Seconds before a key is used again; doubled each time.
KEY_PAUSE = 30.0

RESEND = "resend"

DIED = gettext_noop("its sender stopped before the provider's answer was recorded")
AGAIN = gettext_noop("it may have been sent, and is sent again")
TOO_LATE = Stop(
    MessageState.UNKNOWN,
    Reason(gettext_noop("it may have been sent, and the provider would no longer notice a second copy")),
)
NOT_AGAIN = gettext_noop("it may have been sent, and is not sent again: %(why)s")


def settle_abandoned() -> int:
    """Messages whose sender died become `unknown`. Returns how many.

    What was held at the door goes back into the queue, where it is checked once more.
    """
    Message.objects.filter(state=MessageState.HELD, lease_until__lt=DatabaseNow()).update(
        state=MessageState.QUEUED, lease_until=None
    )
    crash_point("settle.held_released")
    abandoned = Message.objects.filter(state=MessageState.SENDING, lease_until__lt=DatabaseNow())
    by_pause: dict[float | None, list[int]] = defaultdict(list)
    for pk, lane, resends in abandoned.values_list("pk", "lane", "resends")[:SLICE]:
        by_pause[way_out(lane, resends)].append(pk)
    return sum(_give_up(abandoned.filter(pk__in=ids), pause) for pause, ids in by_pause.items())


def send_unknown_again() -> int:
    """Queue unknown messages whose moment has come; the claim looks whether it still may. Returns how many.

    Not while everything is paused: there they could only grow too old.
    """
    due = Message.objects.filter(
        nothing_is_paused(), state=MessageState.UNKNOWN, lease_until__lt=DatabaseNow()
    )
    ids = list(due.values_list("pk", flat=True)[:SLICE])
    if not ids:
        return 0
    count = due.filter(pk__in=ids).update(
        state=MessageState.QUEUED,
        lease_until=None,
        send_after=DatabaseNow(),
        resends=F("resends") + 1,
        reason=AGAIN,
        reason_data={},
    )
    crash_point("unknown.queued_again")
    return count


def way_out(lane: str, resends: int) -> float | None:
    """Seconds until an unknown message is sent again by itself, None for never."""
    if key_seconds(lane):
        return float(KEY_PAUSE * 2 ** min(resends, 30))
    if _policy(lane) == RESEND and not resends:
        return float(settings.UNKNOWN_GRACE)
    return None


def keep_doubts(messages: Sequence[Message], stopped: dict[int, Stop], now: datetime) -> None:
    """A message that may have been sent does not end as one that was not; nor does it leave again too late."""
    for message in messages:
        if message.unknown_since is None:
            continue
        stop = stopped.get(message.pk)
        if stop is None:
            if not _may_go_again(message, message.unknown_since, now):
                stopped[message.pk] = TOO_LATE
        elif stop.state not in (MessageState.QUEUED, MessageState.HELD, MessageState.UNKNOWN):
            stopped[message.pk] = not_again(stop.reason)


def end_unsent(messages: MessageQuerySet, stop: Stop) -> int:
    """End these as `stop` says, but as `unknown` where they may have been sent. Two statements. Returns how many."""
    never_left = messages.filter(unknown_since__isnull=True)
    in_doubt = messages.filter(unknown_since__isnull=False)
    return sum(
        rows.update(state=end.state, reason=end.reason.text, reason_data=end.reason.data, lease_until=None)
        for rows, end in ((never_left, stop), (in_doubt, not_again(stop.reason)))
    )


def not_again(reason: Reason) -> Stop:
    """How a message ends that may have been sent, when this keeps it from being sent again: nothing says that it was not."""
    why = {"text": reason.text, "data": dict(reason.data)}
    return Stop(MessageState.UNKNOWN, Reason(NOT_AGAIN, {"why": why}))


def key_seconds(lane: str) -> float:
    """How long the lane's provider knows a message again and takes it once; 0 for never."""
    channel, _class, account = parse_lane(lane)
    given = accounts(channel).get(account)
    if given is None:
        return 0.0
    try:
        cls = (
            backend_class(given.get("BACKEND"))
            if channel == Channel.EMAIL
            else import_string(str(given.get("BACKEND")))
        )
    except ImportError:
        return 0.0
    return float(getattr(cls, "key_seconds", 0.0))


def key_ends_at(lane: str, unknown_since: datetime) -> datetime | None:
    """Until when a message may be sent again with its key. The call began up to a lease before it was in doubt, and one
    that begins now lasts as long."""
    seconds = key_seconds(lane)
    return unknown_since + timedelta(seconds=seconds - 4 * settings.SEND_TIMEOUT) if seconds else None


def _may_go_again(message: Message, unknown_since: datetime, now: datetime) -> bool:
    ends_at = key_ends_at(message.lane, unknown_since)
    return now < ends_at if ends_at else _policy(message.lane) == RESEND and message.resends <= 1


def _policy(lane: str) -> str:
    policy: dict[str, str] = settings.UNKNOWN_POLICY
    message_class = parse_lane(lane).message_class
    # Whatever the setting says: marketing never risks a second copy.
    return "leave" if message_class == MessageClass.MARKETING else policy.get(message_class, "leave")


def _give_up(abandoned: MessageQuerySet, pause: float | None) -> int:
    # MariaDB sets column after column: the lease is read before it is written.
    return abandoned.update(
        unknown_since=Coalesce(F("unknown_since"), F("lease_until")),
        state=MessageState.UNKNOWN,
        lease_until=None if pause is None else DatabaseNow() + timedelta(seconds=pause),
        reason=DIED,
        reason_data={},
    )
