"""Facts for a whole batch of journeys at once. No function here can be asked about one contact."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from triggers.core.graph import Graph
from triggers.core.values import Fact, JourneyState
from triggers.engine.audience import facts as audience
from triggers.engine.event_counts import count_events
from triggers.engine.limits import sending_limits
from triggers.exceptions import ShopFailed
from triggers.models import Contact, ContactTag, Message
from triggers.shop import ContactRef, get_adapter

# Facts by journey id.
Facts = dict[int, dict[Fact, Any]]
Args = tuple[Any, ...]
# A provider gets every question of its kind with the journeys that ask it.
Provider = Callable[[Mapping[Args, Sequence[JourneyState]], datetime], dict[Args, dict[int, Any]]]


def load_facts(wanted: Iterable[tuple[JourneyState, Iterable[Fact]]], now: datetime) -> Facts:
    """Everything that the journeys want to know, with a number of statements that depends on the questions only.

    A fact that has no value for a journey is None, so that asking for it again is answered.
    """
    by_provider: dict[str, dict[Args, list[JourneyState]]] = defaultdict(lambda: defaultdict(list))
    facts: Facts = {}
    for journey, names in wanted:
        facts[journey.id] = dict.fromkeys(names)
        for fact in names:
            by_provider[fact.provider][fact.args].append(journey)
    for name, questions in by_provider.items():
        for args, values in PROVIDERS[name](questions, now).items():
            fact = Fact(name, args)
            for journey_id, value in values.items():
                facts[journey_id][fact] = value
    return facts


def facts_ahead(
    journeys: Iterable[JourneyState], graph_of: Callable[[JourneyState], Graph], now: datetime
) -> Facts:
    """The facts that deciding about these journeys may take, up to their next waits."""
    return load_facts([(journey, graph_of(journey).needs_from(journey.step)) for journey in journeys], now)


def _contact_fields(
    questions: Mapping[Args, Sequence[JourneyState]], now: datetime
) -> dict[Args, dict[int, Any]]:
    names = {args[0].split(".", 1)[0] for args in questions}
    contacts = {
        row["pk"]: row for row in Contact.objects.filter(pk__in=_contacts(questions)).values("pk", *names)
    }
    return {
        args: {journey.id: _field(contacts.get(journey.contact_id), args[0]) for journey in asking}
        for args, asking in questions.items()
    }


def _field(row: Mapping[str, Any] | None, path: str) -> Any:
    if row is None:
        return None
    name, _dot, attribute = path.partition(".")
    value = row[name]
    return value.get(attribute) if attribute and isinstance(value, dict) else value


def _tags(questions: Mapping[Args, Sequence[JourneyState]], now: datetime) -> dict[Args, dict[int, Any]]:
    tags = defaultdict(set)
    for contact_id, name in ContactTag.objects.filter(contact__in=_contacts(questions)).values_list(
        "contact_id", "name"
    ):
        tags[contact_id].add(name)
    return {
        args: {one.id: tags.get(one.contact_id, set()) for one in asking}
        for args, asking in questions.items()
    }


def _reactions(questions: Mapping[Args, Sequence[JourneyState]], now: datetime) -> dict[Args, dict[int, Any]]:
    ids = {one.id for asking in questions.values() for one in asking}
    found: dict[tuple[int, str], set[str]] = defaultdict(set)
    rows = Message.objects.filter(journey__in=ids, step__in=[args[0] for args in questions])
    for journey_id, step, opened, clicked in rows.values_list(
        "journey_id", "step", "opened_at", "clicked_at"
    ):
        found[journey_id, step] |= {word for word, at in (("opened", opened), ("clicked", clicked)) if at}
    return {
        args: {one.id: found.get((one.id, args[0]), set()) for one in asking}
        for args, asking in questions.items()
    }


def _shop(questions: Mapping[Args, Sequence[JourneyState]], now: datetime) -> dict[Args, dict[int, Any]]:
    contacts = contact_refs(_contacts(questions))
    try:
        with transaction.atomic():
            known = get_adapter().load_facts([args[0] for args in questions], list(contacts.values()))
    except Exception as error:
        # Our own connection is gone; any other error, another database's included, is the shop's.
        if connection.needs_rollback:
            raise
        raise ShopFailed(str(error)) from error
    return {
        args: {one.id: known.get(one.contact_id, {}).get(args[0]) for one in asking}
        for args, asking in questions.items()
    }


def contact_refs(contact_ids: Iterable[int]) -> dict[int, ContactRef]:
    """Contacts as the shop adapter takes them, by id. One statement."""
    rows = Contact.objects.filter(pk__in=contact_ids).values_list("pk", "external_id", "email")
    return {pk: ContactRef(pk, external_id or "", email) for pk, external_id, email in rows}


def _contacts(questions: Mapping[Args, Sequence[JourneyState]]) -> set[int]:
    return {journey.contact_id for asking in questions.values() for journey in asking}


PROVIDERS: dict[str, Provider] = {
    "contact_field": _contact_fields,
    "tags": _tags,
    "event_count": count_events,
    "message_reactions": _reactions,
    "shop": _shop,
    "sending_limits": sending_limits,
    "consents": audience.consents,
    "opt_outs": audience.opt_outs,
    "event_totals": audience.event_totals,
    "not_followed": audience.not_followed,
    "engagement": audience.engagement,
    "in_segment": audience.in_segment,
    "traits": audience.traits,
}
