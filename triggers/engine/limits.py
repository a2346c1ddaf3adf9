"""What the shop's sending rules leave room for: the facts of the sending steps, for a whole batch at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from triggers.conf import settings
from triggers.core.limits import Cap, Limits, OnHit, Taken
from triggers.core.schedule import QuietHours, quiet_hours
from triggers.core.values import JourneyState
from triggers.models import Message, MessageClass, SendingRule, Template
from triggers.models.message import WAITING
from triggers.statements import Statement

Args = tuple[Any, ...]
# A channel and a class.
Kind = tuple[str, str]
# One contact's messages of one kind: the caps count these.
Place = tuple[int, str, str]

_RULES = Statement(
    SendingRule.objects.values_list(
        *("channel", "message_class", "quiet_from", "quiet_until", "on_hit", "caps__most", "caps__hours")
    )
)


def load_rules() -> dict[Kind, Limits]:
    """The shop's rules by channel and class, with nothing taken yet. One statement."""
    rules: dict[Kind, Limits] = {}
    caps: defaultdict[Kind, list[Cap]] = defaultdict(list)
    for channel, message_class, start, end, on_hit, most, hours in _RULES.read():
        kind = (channel, message_class)
        rules[kind] = plain_limits(message_class, quiet=quiet_hours(start, end), on_hit=on_hit)
        if most is not None:
            caps[kind].append(Cap(most, hours))
    return {kind: msgspec.structs.replace(rule, caps=tuple(caps[kind])) for kind, rule in rules.items()}


def plain_limits(message_class: str, *, quiet: QuietHours | None = None, on_hit: OnHit = "skip") -> Limits:
    """The limits of a class for which no caps are set."""
    is_marketing = message_class == MessageClass.MARKETING
    late = settings.MAX_LATENESS if is_marketing else None
    return Limits(message_class, late, settings.EXPIRES_AFTER, quiet=quiet, on_hit=on_hit)


def longest(rules: Iterable[Limits]) -> timedelta:
    """The longest window of all caps; none at all without caps."""
    return max((cap.span for rule in rules for cap in rule.caps), default=timedelta(0))


def sending_limits(
    questions: Mapping[Args, Sequence[JourneyState]], now: datetime
) -> dict[Args, dict[int, Limits]]:
    """For each journey and template: the rule of its channel and class, and whose messages have room already.

    Two statements; one more when a cap is set for what they ask about, and one more when somebody may have to give way.
    """
    keys = {template for _channel, template in questions}
    classes = dict(Template.objects.filter(key__in=keys).values_list("key", "message_class"))
    rules = load_rules()
    kinds = {
        (channel, template): (channel, classes.get(template, MessageClass.MARKETING))
        for channel, template in questions
    }
    plain = {kind: rules.get(kind) or plain_limits(kind[1]) for kind in kinds.values()}
    capped: dict[Place, int] = {}
    for args, asking in questions.items():
        if plain[kinds[args]].caps:
            for journey in asking:
                place = (journey.contact_id, *kinds[args])
                capped[place] = max(journey.priority, capped.get(place, journey.priority))
    taken = _read_taken(capped, plain, now) if capped else {}
    limits = {
        place: msgspec.structs.replace(plain[place[1:]], taken=tuple(rows)) for place, rows in taken.items()
    }
    return {
        args: {
            journey.id: limits.get((journey.contact_id, *kinds[args]), plain[kinds[args]])
            for journey in asking
        }
        for args, asking in questions.items()
    }


def _read_taken(
    asking: Mapping[Place, int], rules: Mapping[Kind, Limits], now: datetime
) -> dict[Place, list[Taken]]:
    """Messages that take room, by place; `asking` has the greatest priority that asks for room there."""
    rows = Message.objects.taking_room(
        {contact_id for contact_id, *_kind in asking}, now - longest(rules.values()), now
    ).values_list(
        *("contact_id", "channel", "message_class", "pk", "state", "send_after", "sending_at", "expires_at"),
        *("chain__name", "chain__priority"),
    )
    taken: defaultdict[Place, list[Taken]] = defaultdict(list)
    waiting: list[tuple[Place, int, int]] = []
    for contact_id, channel, message_class, pk, state, send_after, sending_at, expires_at, name, rank in rows:
        place = (contact_id, channel, message_class)
        if place not in asking:
            continue
        # What is overdue leaves now at the earliest.
        waits = state in WAITING
        at = max(send_after, now) if waits else sending_at
        taken[place].append(Taken(at, pk, name or "", rank or 0, has_left=not waits, expires_at=expires_at))
        if waits:
            waiting.append((place, pk, rank or 0))
    movable = _lock(
        [
            pk
            for place, pk, rank in waiting
            if rank < asking[place] and _is_tight(rules[place[1:]], taken[place])
        ]
    )
    return {
        place: [msgspec.structs.replace(one, is_movable=one.id in movable) for one in found]
        for place, found in taken.items()
    }


def _is_tight(rule: Limits, taken: Sequence[Taken]) -> bool:
    return any(len(taken) >= cap.most for cap in rule.caps)


def _lock(ids: Sequence[int]) -> set[int]:
    """Those of these waiting messages that no sender holds at this moment, and that none can take until the turn ends.

    One that may have been sent already has had its place: it gives way to nobody.
    """
    if not ids:
        return set()
    rows = Message.objects.select_for_update(skip_locked=True).filter(
        pk__in=ids, state__in=WAITING, unknown_since__isnull=True
    )
    return set(rows.order_by("pk").values_list("pk", flat=True))
