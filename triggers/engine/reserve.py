"""Room under the caps, handed out in a turn: the more important chain first, each place once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from django.utils.translation import gettext_noop

from triggers.core.limits import Limits, Taken, first_room
from triggers.core.schedule import zone_of
from triggers.core.values import Decision, Fact, JourneyState, QueueMessage, Reason
from triggers.engine.facts import Facts
from triggers.engine.limits import Kind
from triggers.models import Message, MessageState
from triggers.sql import update_rows

GAVE_WAY = gettext_noop("gave way to the more important chain “%(chain)s”")
MOVED = gettext_noop("put off until %(until_at)s: gave way to the more important chain “%(chain)s”")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Displaced:
    """A queued message that gave its place away: it is to leave at `until`, or, when that is None, not at all."""

    id: int
    contact_id: int
    chain: str
    until: datetime | None

    @property
    def reason(self) -> Reason:
        if self.until is None:
            return Reason(GAVE_WAY, {"chain": self.chain})
        return Reason(MOVED, {"chain": self.chain, "until_at": self.until.isoformat()})


def in_rounds(states: Iterable[tuple[JourneyState, T]]) -> list[list[tuple[JourneyState, T]]]:
    """The journeys with at most one of each contact in a round: the most important first, of equal ones the older."""
    rounds: list[list[tuple[JourneyState, T]]] = []
    had: Counter[int] = Counter()
    for pair in sorted(states, key=lambda pair: (-pair[0].priority, pair[0].id)):
        contact_id = pair[0].contact_id
        if had[contact_id] == len(rounds):
            rounds.append([])
        rounds[had[contact_id]].append(pair)
        had[contact_id] += 1
    return rounds


def reserve(
    decided: Iterable[JourneyState],
    decisions: Mapping[int, Decision],
    undecided: Sequence[JourneyState],
    facts: Facts,
    now: datetime,
) -> list[Displaced]:
    """Let what was decided take its room, in the facts of those who are decided next. No statement.

    Returns the queued messages that had to give way, each with its new moment.
    """
    others: defaultdict[int, list[JourneyState]] = defaultdict(list)
    for state in undecided:
        others[state.contact_id].append(state)
    displaced: list[Displaced] = []
    for state in decided:
        effects = [move.effect for move in decisions[state.id].moves if isinstance(move.effect, QueueMessage)]
        if not any(one.displaces for one in effects) and state.contact_id not in others:
            continue
        for kind, limits in _limits_of(effects, facts[state.id]).items():
            queued = [one for one in effects if (one.channel, one.message_class) == kind]
            taken, moved = _after(state, limits, queued, now)
            displaced += moved
            for other in others[state.contact_id]:
                _note(facts[other.id], kind, taken)
    return displaced


def _limits_of(effects: Iterable[QueueMessage], facts: Mapping[Fact, Any]) -> dict[Kind, Limits]:
    """The limits under which these messages were queued, by channel and class; none for a foreign kind that asked not."""
    found = {}
    for one in effects:
        limits = facts.get(Fact("sending_limits", (one.channel, one.template)))
        if limits is not None and limits.caps:
            found[one.channel, one.message_class] = limits
    return found


def _after(
    state: JourneyState, limits: Limits, queued: Sequence[QueueMessage], now: datetime
) -> tuple[tuple[Taken, ...], list[Displaced]]:
    """Who has room once these messages are queued, and where those went that gave way to them."""
    going = {pk for one in queued for pk in one.displaces}
    taken = [one for one in limits.taken if one.id not in going]
    taken += [Taken(one.send_after or now, chain=state.chain, priority=state.priority) for one in queued]
    displaced = []
    for one in sorted(limits.taken, key=lambda one: (-one.priority, one.at)):
        if one.id in going:
            until = _new_moment(one, limits, taken, state)
            displaced.append(Displaced(one.id, state.contact_id, state.chain, until))
            if until is not None:
                taken.append(msgspec.structs.replace(one, at=until))
    return tuple(taken), displaced


def _new_moment(one: Taken, limits: Limits, taken: Sequence[Taken], state: JourneyState) -> datetime | None:
    """When a message that gave way can leave after all, if the rule says so and it is still worth it then."""
    if limits.on_hit == "skip":
        return None
    moments = [other.at for other in taken]
    until = first_room(one.at, limits.caps, moments, limits.windows(None), zone_of(state.zone))
    return None if one.expires_at is not None and until >= one.expires_at else until


def _note(facts: dict[Fact, Any], kind: Kind, taken: tuple[Taken, ...]) -> None:
    """Tell one journey who has room now."""
    for fact, limits in facts.items():
        is_about_sending = fact.provider == "sending_limits" and limits is not None
        if is_about_sending and (fact.args[0], limits.message_class) == kind:
            facts[fact] = msgspec.structs.replace(limits, taken=taken)


def displace(displaced: Sequence[Displaced]) -> None:
    """Write what became of the messages that gave way; the turn has had their rows locked. At most two statements."""
    moved = [one for one in displaced if one.until is not None]
    update_rows(
        Message,
        ("id", "contact_id", "reason", "reason_data", "send_after"),
        [(one.id, one.contact_id, one.reason.text, one.reason.data, one.until) for one in moved],
        guard="contact_id",
    )
    ended = [one for one in displaced if one.until is None]
    update_rows(
        Message,
        ("id", "contact_id", "reason", "reason_data", "state"),
        [
            (one.id, one.contact_id, one.reason.text, one.reason.data, MessageState.SUPPRESSED)
            for one in ended
        ],
        guard="contact_id",
    )
