"""Quiet hours and frequency caps once more, at the very moment at which a message would leave, retries included.

No lock is held between senders. Two that stand at the door at once for the same contact see each other as queued, and
only messages that are first in line count: so the first may leave and the second comes back later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils.translation import gettext_noop

from triggers.core.limits import Limits, Taken, first_room, full_cap, why_full
from triggers.core.schedule import QuietHours, after_quiet
from triggers.core.values import Reason
from triggers.delivery.stop import Stop, put_off
from triggers.engine.limits import Place, load_rules, longest, plain_limits
from triggers.models import Message
from triggers.models.message import WAITING

# What waits only for another message to leave is looked at again so soon.
LOOK_AGAIN = timedelta(seconds=60)
# Worthless for longer than any claim lasts: nobody can be about to send it.
SURELY_WORTHLESS = timedelta(minutes=10)

QUIET = gettext_noop("put off until %(until_at)s: quiet hours")
FULL = gettext_noop("put off until %(until_at)s: %(why)s")
NOT_ITS_TURN = gettext_noop("waits for an earlier message to the same contact")


@dataclass(slots=True)
class Others:
    """A contact's messages of one channel and class: what has left, and what waits, by (send_after, id).

    What may have left and waits to be sent again is both: two copies at the worst.
    """

    left: list[Taken] = field(default_factory=list)
    waiting: list[tuple[datetime, int]] = field(default_factory=list)

    def before(self, message: Message) -> int:
        """How many wait that are ahead of this one."""
        return sum(key < (message.send_after, message.pk) for key in self.waiting)

    def left_besides(self, message: Message) -> list[Taken]:
        """What has left, but for this one's own first copy."""
        return [one for one in self.left if one.id != message.pk]


def limit(
    messages: Sequence[Message],
    chain_quiet: Mapping[int, QuietHours | None],
    not_leaving: Collection[int],
    now: datetime,
) -> dict[int, Stop]:
    """Which of these must not leave now, by id, and when each is looked at again.

    `chain_quiet` has the quiet hours of their chains by journey id; `not_leaving` are ids of this claim that are stopped
    anyway. One statement, and one more when a cap is set.
    """
    rules = load_rules()
    limits = {
        one.pk: rules.get((one.channel, one.message_class)) or plain_limits(one.message_class)
        for one in messages
    }
    capped = [one for one in messages if limits[one.pk].caps]
    others = _read_others(capped, not_leaving, longest(rules.values()), now) if capped else {}
    found = {}
    for one in messages:
        mine = others.get((one.contact_id, one.channel, one.message_class), Others())
        stop = _check(one, limits[one.pk], chain_quiet.get(one.journey_id or 0), mine, now)
        if stop is not None:
            found[one.pk] = stop
    return found


def _check(
    message: Message, limits: Limits, chain_quiet: QuietHours | None, others: Others, now: datetime
) -> Stop | None:
    windows, zone = limits.windows(chain_quiet), message.contact.zone
    gone = others.left_besides(message)
    left = [one.at for one in gone]
    cap = full_cap(now, limits.caps, left)
    if cap is not None:
        until = first_room(now, limits.caps, left, windows, zone)
        chain = message.chain.name if message.chain else ""
        why = why_full(cap, now, gone, chain)
        data = {"until_at": until.isoformat(), "why": {"text": why.text, "data": why.data}}
        return put_off(message, Reason(FULL, data), until)
    until = after_quiet(now, windows, zone)
    if until > now:
        return put_off(message, Reason(QUIET, {"until_at": until.isoformat()}), until)
    if full_cap(now, limits.caps, [*left, *[now] * others.before(message)]) is not None:
        return put_off(message, Reason(NOT_ITS_TURN), now + LOOK_AGAIN)
    return None


def _read_others(
    messages: Sequence[Message], not_leaving: Collection[int], span: timedelta, now: datetime
) -> dict[Place, Others]:
    """What else these contacts got or wait for. One statement."""
    contacts = {one.contact_id for one in messages}
    rows = Message.objects.taking_room(contacts, now - span, now - SURELY_WORTHLESS)
    others: defaultdict[Place, Others] = defaultdict(Others)
    columns = (
        "contact_id",
        "channel",
        "message_class",
        "pk",
        "state",
        "send_after",
        "sending_at",
        "unknown_since",
        "chain__name",
    )
    for contact_id, channel, kind, pk, state, send_after, sending_at, doubt, chain in rows.values_list(
        *columns
    ):
        place = others[contact_id, channel, kind]
        if state in WAITING and pk not in not_leaving:
            place.waiting.append((send_after, pk))
        if sending_at and (doubt or state not in WAITING):
            place.left.append(Taken(sending_at, pk, chain or "", has_left=True))
    return dict(others)
