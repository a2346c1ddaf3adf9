"""What conditions about a contact's past want to know on a journey, for a whole batch of journeys at once.

Each provider answers all questions of its kind, as `engine.facts` describes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, QuerySet
from django.utils import timezone

from triggers.core.payload import matches, numbers_at
from triggers.core.values import JourneyState
from triggers.engine.audience.data import things_in
from triggers.engine.audience.engagement import GOT, REACTIONS
from triggers.engine.audience.events import THING, events_of
from triggers.engine.audience.segments import contacts_in
from triggers.exceptions import InvalidConfig, UnknownKind, UnknownSegment
from triggers.models import Consent, Contact, Event, Message, OptOut, Trait

Args = tuple[Any, ...]
Questions = Mapping[Args, Sequence[JourneyState]]
Answers = dict[Args, dict[int, Any]]


def consents(questions: Questions, now: datetime) -> Answers:
    """What was said last, as `{channel: agreed}`."""
    said: dict[int, dict[str, bool]] = defaultdict(dict)
    rows = Consent.objects.filter(contact__in=_contacts(questions))
    for contact_id, channel, is_granted in rows.values_list("contact_id", "channel", "is_granted"):
        said[contact_id][channel] = is_granted
    return _for_all(questions, lambda contact_id: said.get(contact_id, {}))


def opt_outs(questions: Questions, now: datetime) -> Answers:
    """Keys of the topics that are not wanted."""
    topics: dict[int, set[str]] = defaultdict(set)
    rows = OptOut.objects.filter(contact__in=_contacts(questions))
    for contact_id, key in rows.values_list("contact_id", "topic__key"):
        topics[contact_id].add(key)
    return _for_all(questions, lambda contact_id: topics.get(contact_id, set()))


def traits(questions: Questions, now: datetime) -> Answers:
    """What fits best of each kind, as `{kind: value}`."""
    found: dict[int, dict[str, str]] = defaultdict(dict)
    rows = Trait.objects.filter(contact__in=_contacts(questions), rank=1)
    for contact_id, kind, value in rows.values_list("contact_id", "kind", "value"):
        found[contact_id][kind] = value
    return _for_all(questions, lambda contact_id: found.get(contact_id, {}))


def event_totals(questions: Questions, now: datetime) -> Answers:
    """`(count, sum)` of events; one statement a question."""
    answers: Answers = {}
    for args, asking in questions.items():
        event, period, filters, path = args
        totals: dict[int, tuple[int, Decimal]] = {}
        for contact_id, _ref, data in _events(event, period, asking, now):
            if matches(filters, data):
                count, total = totals.get(contact_id, (0, Decimal()))
                found = numbers_at(path.split("."), data) if path else ()
                totals[contact_id] = (count + 1, total + sum(found))
        answers[args] = {one.id: totals.get(one.contact_id, (0, Decimal())) for one in asking}
    return answers


def not_followed(questions: Questions, now: datetime) -> Answers:
    """How many events of the first kind were not followed by one of the other; two statements a question."""
    answers: Answers = {}
    for args, asking in questions.items():
        event, never, about, period, filters = args
        others: dict[int, list[tuple[str, set[str]]]] = defaultdict(list)
        for contact_id, ref, data in _events(never, period, asking, now):
            others[contact_id].append((ref, things_in(data, THING)))
        counts: dict[int, int] = defaultdict(int)
        for contact_id, ref, data in _events(event, period, asking, now):
            things = things_in(data, THING)
            followed = any(
                about == "anything" or (ref and ref == other_ref) or things & other_things
                for other_ref, other_things in others[contact_id]
            )
            counts[contact_id] += matches(filters, data) and not followed
        answers[args] = {one.id: counts[one.contact_id] for one in asking}
    return answers


def engagement(questions: Questions, now: datetime) -> Answers:
    """Messages got, opened, clicked and left without a reaction, as `{what: count}`; one statement a question."""
    answers: Answers = {}
    for args, asking in questions.items():
        days, channel = args
        messages = Message.objects.filter(
            contact__in={one.contact_id for one in asking},
            state__in=GOT,
            accepted_at__gte=now - timedelta(days=days),
            **({"channel": channel} if channel else {}),
        )
        counts = {what: Count("pk", filter=reaction) for what, reaction in REACTIONS.items() if what != "got"}
        rows = messages.order_by().values("contact").annotate(got=Count("pk"), **counts)
        by_contact: dict[int, Any] = {row["contact"]: row for row in rows}
        answers[args] = {one.id: by_contact.get(one.contact_id, {}) for one in asking}
    return answers


def in_segment(questions: Questions, now: datetime) -> Answers:
    """Whether the contact belongs to it; None when there is no such segment, or none that can be asked."""
    answers: Answers = {}
    for args, asking in questions.items():
        members = _members(args[0], asking, now)
        answers[args] = {one.id: None if members is None else one.contact_id in members for one in asking}
    return answers


def _members(key: str, asking: Sequence[JourneyState], now: datetime) -> set[int] | None:
    try:
        inside: QuerySet[Contact] = contacts_in(key, now)
    except (UnknownSegment, InvalidConfig, UnknownKind):
        return None
    return set(inside.filter(pk__in={one.contact_id for one in asking}).values_list("pk", flat=True))


def _events(
    name: str, period: Any, asking: Sequence[JourneyState], now: datetime
) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Contact, object and data of the events in a period of those who ask."""
    events: QuerySet[Event] = events_of(name, period, (), timezone.localtime(now))
    rows = events.filter(contact__in={one.contact_id for one in asking})
    return iter(rows.values_list("contact_id", "object_ref", "data"))


def _contacts(questions: Questions) -> set[int]:
    return {journey.contact_id for asking in questions.values() for journey in asking}


def _for_all(questions: Questions, answer: Callable[[int], Any]) -> Answers:
    return {args: {one.id: answer(one.contact_id) for one in asking} for args, asking in questions.items()}
