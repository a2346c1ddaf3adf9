"""A condition has one answer: in SQL over all contacts, and in memory on a journey. For random shops and random rules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triggers.conditions import bind
from triggers.core.kinds import View
from triggers.core.values import JourneyState
from triggers.engine.audience import contacts_in
from triggers.engine.facts import load_facts
from triggers.models import Consent, Contact, ContactTag, Event, Message, OptOut, Segment, Topic, Trait

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)

# Values that databases like to understand in ways of their own.
TEXTS = [
    "",
    "red",
    "RED",
    "Straße",
    "STRASSE",
    "Жанна",
    "жанна",
    "İz",
    "ΟΔΟΣ",
    "οδος",
    "12",
    "12.0",
    " 12",
    "1e3",
    "-0",
]
TEXTS += ["null", "true", "a'b", 'a"b', "50%", "a_b", "\\", "2026-03-01", "é", "red ", ".5", "5.", "0012"]
scalars: st.SearchStrategy[Any] = st.sampled_from(TEXTS) | st.booleans() | st.none() | st.integers(-20, 20)
scalars |= st.integers(-(10**17), 10**17) | st.floats(-1e6, 1e6).map(lambda one: round(one, 3))
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=4,
)
KEYS = ["a", "b", "ключ", "a b"]
documents = st.dictionaries(st.sampled_from(KEYS), values, max_size=3)
paths: st.SearchStrategy[Any] = st.lists(st.sampled_from(KEYS), min_size=1, max_size=3).map(".".join)
OPS = ("eq", "ne", "gt", "gte", "lt", "lte", "contains", "in", "exists", "missing")
asked_values: st.SearchStrategy[Any] = (
    st.sampled_from([*TEXTS, "red, 12, Жанна", "1,", "true, 5"]) | st.integers(-20, 20) | st.booleans()
)
asked_values |= st.floats(-1e6, 1e6).map(lambda one: round(one, 3))
EVENTS = ("view_item", "purchase")
moments = st.integers(0, 800).map(lambda hours: NOW - timedelta(hours=13 * hours))
events = st.fixed_dictionaries(
    {
        "name": st.sampled_from(EVENTS),
        "occurred_at": moments,
        "data": documents
        | st.fixed_dictionaries(
            {
                "value": st.integers(0, 500) | st.just("99.95"),
                "items": st.lists(
                    st.fixed_dictionaries({"item_id": st.sampled_from(["L-1", "l-1", "L-2", 7, "7"])})
                ),
            }
        ),
        "object_ref": st.sampled_from(["", "order:1", "order:2"]),
    }
)
people = st.fixed_dictionaries(
    {
        "fields": st.fixed_dictionaries(
            {
                "first_name": st.sampled_from(TEXTS),
                "language": st.sampled_from(["", "ru", "RU", "de"]),
                "birthday": st.none() | st.dates(date(1990, 1, 1), date(1991, 1, 1)),
                "attributes": documents,
            }
        ),
        "tags": st.sets(st.sampled_from(["vip", "VIP", "vip "])),
        "consents": st.dictionaries(st.sampled_from(["email", "sms"]), st.booleans()),
        "opted_out": st.booleans(),
        "traits": st.sets(st.sampled_from([("category", "lamps"), ("brand", "Acme"), ("rfm", "loyal")])),
        "messages": st.lists(
            st.tuples(
                st.sampled_from(["email", "sms"]),
                st.sampled_from(["accepted", "delivered", "bounced", "queued"]),
                moments,
                st.booleans(),
                st.booleans(),
            ),
            max_size=3,
        ),
        "events": st.lists(events, max_size=5),
    }
)

days = st.integers(1, 400)
periods = st.one_of(
    st.just({"kind": "ever"}),
    st.fixed_dictionaries({"kind": st.just("days"), "days": days}),
    st.fixed_dictionaries(
        {"kind": st.just("month"), "month": st.integers(1, 12), "years_ago": st.integers(0, 1)}
    ),
    st.tuples(st.dates(date(2025, 1, 1), date(2026, 6, 1)), st.integers(0, 200)).map(
        lambda pair: {"kind": "dates", "first": str(pair[0]), "last": str(pair[0] + timedelta(days=pair[1]))}
    ),
)
ordered = ("gt", "gte", "lt", "lte")


def compared(**more: Any) -> Any:
    """An operator and a value that the kind does not refuse."""
    plain = {
        "op": st.sampled_from([op for op in OPS if op not in ordered]),
        "value": asked_values.filter(lambda one: one != ""),
    }
    sized = {
        "op": st.sampled_from(ordered),
        "value": st.integers(-20, 20) | st.sampled_from(["12.5", "2026-03-01"]),
    }
    return st.fixed_dictionaries(plain | more) | st.fixed_dictionaries(sized | more)


filters = st.lists(
    st.fixed_dictionaries({"path": paths, "op": st.sampled_from(OPS), "value": asked_values}), max_size=2
)
fields = ["first_name", "language", "birthday", "phone", *(f"attributes.{key}" for key in KEYS)]
bounds = st.tuples(st.integers(0, 3), st.none() | st.integers(0, 3))


def counted(pair: tuple[int, int | None]) -> dict[str, Any]:
    least, most = pair
    return (
        {"at_least": least} if most is None else {"at_least": min(least, most), "at_most": max(least, most)}
    )


sum_bounds: list[dict[str, float]] = [
    {},
    {"sum_at_least": 100},
    {"sum_at_most": 100},
    {"sum_at_least": -5, "sum_at_most": 199.9},
    {"sum_at_least": 0},
]


def summed(pair: tuple[str, dict[str, float]]) -> dict[str, Any]:
    path, limits = pair
    return {"sum_of": path, **limits} if limits else {}


sums = st.tuples(st.sampled_from(["value", "a", "a.b"]), st.sampled_from(sum_bounds)).map(summed)
leaves = st.one_of(
    compared(kind=st.just("contact_field"), field=st.sampled_from(fields)),
    st.fixed_dictionaries({"kind": st.just("tag"), "tag": st.sampled_from(["vip", "VIP", "vip ", "none"])}),
    st.fixed_dictionaries(
        {
            "kind": st.just("consent"),
            "channel": st.sampled_from(["email", "sms"]),
            "answer": st.sampled_from(["granted", "withdrawn", "unknown"]),
        }
    ),
    st.fixed_dictionaries({"kind": st.just("topic_opt_out"), "topic": st.sampled_from(["news", "gone"])}),
    st.tuples(
        st.fixed_dictionaries(
            {
                "kind": st.just("event_happened"),
                "event": st.sampled_from(EVENTS),
                "days": days,
                "filters": filters,
            }
        ),
        bounds.map(counted),
    ).map(lambda parts: parts[0] | parts[1]),
    st.tuples(
        st.fixed_dictionaries(
            {
                "kind": st.just("event_totals"),
                "event": st.sampled_from(EVENTS),
                "period": periods,
                "filters": filters,
            }
        ),
        bounds.map(counted),
        sums,
    ).map(lambda parts: parts[0] | parts[1] | parts[2]),
    st.fixed_dictionaries(
        {
            "kind": st.just("did_not_follow"),
            "event": st.sampled_from(EVENTS),
            "never": st.sampled_from(EVENTS),
            "about": st.sampled_from(["same", "anything"]),
            "period": periods,
            "filters": filters,
        }
    ),
    st.tuples(
        st.fixed_dictionaries(
            {
                "kind": st.just("engagement"),
                "what": st.sampled_from(["got", "opened", "clicked", "silent"]),
                "days": days,
                "channel": st.sampled_from(["", "email", "sms"]),
            }
        ),
        bounds.map(counted),
    ).map(lambda parts: parts[0] | parts[1]),
    st.fixed_dictionaries({"kind": st.just("in_segment"), "segment": st.just("inner")}),
    st.sampled_from(
        [
            {"kind": "preference", "liked": "category", "value": "lamps"},
            {"kind": "preference", "liked": "brand", "value": "acme"},
            {"kind": "preference", "liked": "brand", "value": "Acme"},
            {"kind": "rfm_class", "rfm": "loyal"},
        ]
    ),
)
rules = st.recursive(
    leaves,
    lambda inner: st.fixed_dictionaries(
        {"kind": st.sampled_from(["all", "any", "none"]), "of": st.lists(inner, min_size=1, max_size=3)}
    ),
    max_leaves=6,
)


@given(st.lists(people, min_size=1, max_size=4), rules)
@settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
def test_both_forms_answer_alike(persons: list[dict[str, Any]], rule: dict[str, Any]) -> None:
    with shop(persons) as contacts:
        chosen = set(contacts_in(rule, NOW).values_list("pk", flat=True))
        assert chosen == answered_in_memory(rule, contacts)


def answered_in_memory(rule: dict[str, Any], contacts: list[int]) -> set[int]:
    condition = bind(rule)
    asking = [
        JourneyState(id=pk, contact_id=pk, step="a", since=NOW, seq=0, entered_at=NOW) for pk in contacts
    ]
    facts = load_facts([(one, condition.needs()) for one in asking], NOW)
    return {
        one.contact_id for one in asking if condition.evaluate(View(one, facts[one.id], NOW, NOW, 1.0)).holds
    }


@contextmanager
def shop(persons: list[dict[str, Any]]) -> Iterator[list[int]]:
    """Contacts with all that is known about them, gone again afterwards."""
    with transaction.atomic():
        news = Topic.objects.create(key="news", name="News")
        Segment.objects.create(
            key="inner",
            name="Inner",
            rule={"kind": "contact_field", "field": "language", "op": "eq", "value": "ru"},
        )
        yield [add_person(person, news) for person in persons]
        transaction.set_rollback(True)


def add_person(person: dict[str, Any], news: Topic) -> int:
    contact = Contact.objects.create(**person["fields"])
    ContactTag.objects.bulk_create(ContactTag(contact=contact, name=name) for name in person["tags"])
    for channel, agreed in person["consents"].items():
        Consent.objects.create(
            contact=contact, channel=channel, is_granted=agreed, said_at=NOW, source="test"
        )
    if person["opted_out"]:
        OptOut.objects.create(contact=contact, topic=news, said_at=NOW, source="test")
    for kind, value in person["traits"]:
        Trait.objects.create(contact=contact, kind=kind, value=value, score=1.0, rank=1)
    for channel, state, at, opened, clicked in person["messages"]:
        Message.objects.create(
            contact=contact,
            channel=channel,
            state=state,
            created_at=at,
            send_after=at,
            accepted_at=at,
            opened_at=at if opened else None,
            clicked_at=at if clicked else None,
        )
    for event in person["events"]:
        Event.objects.create(contact=contact, recorded_at=event["occurred_at"] + timedelta(hours=1), **event)
    return contact.pk
