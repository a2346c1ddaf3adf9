"""A26: whatever stands in a rule, the answer is a query over contacts or a refusal that names what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from tests.build import make_contact
from triggers.core.criteria import Criterion
from triggers.engine.audience import contacts_in, contacts_where
from triggers.engine.shards import read_clock
from triggers.exceptions import InvalidConfig, SegmentCycle, UnknownKind, UnknownSegment
from triggers.models import Event, Segment

pytestmark = pytest.mark.django_db

TAG = {"kind": "tag", "tag": "vip"}
FIELDS = [
    *(
        "pk",
        "password",
        "email__contains",
        "events__data",
        "_connector",
        "_negated",
        "attributes",
        "attributes.",
    ),
    *("email; DROP TABLE triggers_contact", "created_at", "email_key", "uid", "tags__contact__email"),
]


@pytest.mark.parametrize("field", FIELDS)
def test_no_field_but_ours(field: str) -> None:
    with pytest.raises(InvalidConfig, match="contact_field"):
        contacts_in({"kind": "contact_field", "field": field, "op": "eq", "value": "x"})


@pytest.mark.parametrize(
    "name",
    ["a'b", 'a"b', "a\\b", "a\nb", "a\0b", "x" * 101, "'; DROP TABLE triggers_contact; --", '"]', "$.a'"],
)
def test_names_that_a_path_language_might_read(name: str) -> None:
    rules: list[dict[str, Any]] = [
        {"kind": "contact_field", "field": f"attributes.{name}", "op": "eq", "value": "x"},
        {"kind": "event_totals", "event": "purchase", "filters": [{"path": name}]},
        {"kind": "event_totals", "event": "purchase", "sum_of": name, "sum_at_least": 1},
    ]
    for rule in rules:
        with pytest.raises(InvalidConfig, match="is not a path"):
            contacts_in(rule)


@pytest.mark.parametrize(
    "name", ["$", "*", "[*]", "a[0]", "**", "__class__", "%s", "{}", "ключ", "a b", "?(@)", "#"]
)
def test_names_that_only_look_like_a_path_are_names(name: str) -> None:
    who, _other = (
        make_contact(1, attributes={name: "red"}),
        make_contact(2, attributes={"a": "red", "b": ["red"]}),
    )
    Event.objects.create(contact=who, name="purchase", occurred_at=read_clock(), data={name: {name: 5}})
    rule = {"kind": "contact_field", "field": f"attributes.{name}", "op": "eq", "value": "RED"}
    assert set(contacts_in(rule)) == {who}
    totals = {"kind": "event_totals", "event": "purchase", "sum_of": f"{name}.{name}", "sum_at_least": 5}
    assert set(contacts_in(totals)) == {who}


@pytest.mark.parametrize(
    "value", ["' OR 1=1 --", '" OR ""="', "%", "_", "\\", "(a+)+$", "\x7f", "{}", "%(x)s", "'" * 500]
)
@pytest.mark.parametrize("op", ["eq", "contains", "in"])
def test_values_are_only_compared(value: str, op: str) -> None:
    make_contact(1, first_name="Anna")
    same = make_contact(2, first_name=value[:150])
    rule = {"kind": "contact_field", "field": "first_name", "op": op, "value": value[:150]}
    assert set(contacts_in(rule)) == {same}
    assert not contacts_in({"kind": "tag", "tag": value}).exists()


@pytest.mark.parametrize(
    "settings",
    [
        {"at_least": -1},
        {"at_least": 10**30},
        {"at_least": 5, "at_most": 2},
        {"sum_of": "value", "sum_at_least": 1e300},
        {"sum_of": "value"},
        {"sum_at_least": 5},
        {"period": {"kind": "days", "days": 10**9}},
        {"period": {"kind": "days"}},
        {"period": {"kind": "month", "month": 13}},
        {"period": {"kind": "month", "month": 1, "years_ago": 10_000}},
        {"period": {"kind": "dates", "first": "0000-01-01", "last": "2026-01-01"}},
        {"period": {"kind": "dates", "first": "2026-01-02", "last": "2026-01-01"}},
        {"period": {"kind": "since the flood"}},
        {"event": "Purchase; --"},
        {"filters": [{"path": "a.b.c.d.e.f"}]},
        {"filters": [{"path": "a"}] * 11},
        {"filters": [{"path": "a", "op": "regex", "value": "(a+)+$"}]},
        {"order_by": "password"},
    ],
)
def test_ranges_and_settings_that_cannot_be_meant(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfig, match="event_totals"):
        contacts_in({"kind": "event_totals", "event": "purchase", **settings})


@pytest.mark.parametrize(
    "period", [{"kind": "dates", "first": "1970-01-01", "last": "2199-12-31"}, {"kind": "days", "days": 3660}]
)
def test_the_ends_of_the_calendar_are_only_days(period: dict[str, Any]) -> None:
    who = make_contact()
    Event.objects.create(contact=who, name="purchase", occurred_at=read_clock(), data={})
    assert set(contacts_in({"kind": "event_totals", "event": "purchase", "period": period})) == {who}


def nested(depth: int) -> dict[str, Any]:
    rule: dict[str, Any] = TAG
    for _level in range(depth):
        rule = {"kind": "any", "of": [rule, TAG]}
    return rule


@pytest.mark.parametrize(
    "rule",
    [
        nested(50),
        {"kind": "any", "of": [TAG] * 10_000},
        {"kind": "all", "of": [{"kind": "any", "of": [TAG] * 50}] * 50},
    ],
)
def test_rules_without_measure_are_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfig, match=r"more than|at most"):
        contacts_in(rule)


@pytest.mark.parametrize("group", ["all", "any", "none"])
def test_the_largest_rule_that_is_allowed_runs(group: str) -> None:
    make_contact()
    often = {
        "kind": "event_totals",
        "event": "purchase",
        "at_least": 2,
        "period": {"kind": "days", "days": 30},
    }
    rule = {"kind": group, "of": [often, {"kind": "tag", "tag": "vip"}] * 25}
    assert contacts_in(rule).count() == (group == "none")


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"kind": "moon"},
        {"kind": "shop_fact", "fact": "cart.total", "value": 1},
        {"kind": "all", "of": []},
    ],
)
def test_what_is_no_rule_of_a_segment(rule: dict[str, Any]) -> None:
    with pytest.raises((InvalidConfig, UnknownKind)):
        contacts_in(rule or {"kind": ""})


def segment(key: str, rule: dict[str, Any]) -> Segment:
    return Segment.objects.create(key=key, name=key, rule=rule)


def asks(key: str) -> dict[str, Any]:
    return {"kind": "none", "of": [{"kind": "in_segment", "segment": key}]}


def test_a_segment_asks_another() -> None:
    ru, de = make_contact(1, language="ru"), make_contact(2, language="de")
    segment("russian", {"kind": "contact_field", "field": "language", "op": "eq", "value": "ru"})
    segment("others", asks("russian"))
    assert set(contacts_in("others")) == {de}
    assert set(contacts_in(asks("others"))) == {ru}
    assert set(contacts_in("")) == {ru, de}


def test_a_circle_is_named() -> None:
    for key, other in (("a", "b"), ("b", "c"), ("c", "a")):
        segment(key, asks(other))
    with pytest.raises(SegmentCycle, match="a → b → c → a"):
        contacts_in("a")


def test_a_segment_that_is_not_there_is_named() -> None:
    with pytest.raises(UnknownSegment, match="'nowhere'"):
        contacts_in("nowhere")
    with pytest.raises(UnknownSegment, match="'gone'"):
        contacts_in(asks("gone"))


def test_segments_cannot_multiply_beyond_measure() -> None:
    """Ten levels of two are a thousand questions, though each rule is small."""
    segment("s0", TAG)
    for number in range(1, 10):
        segment(
            f"s{number}", {"kind": "all", "of": [{"kind": "in_segment", "segment": f"s{number - 1}"}] * 2}
        )
    with pytest.raises(InvalidConfig, match="512 questions"):
        contacts_in("s9")


def test_a_criterion_that_nobody_translates_is_a_mistake_of_the_code() -> None:
    class Odd(Criterion, frozen=True):
        pass

    with pytest.raises(TypeError, match="Odd"):
        contacts_where(Odd(), read_clock())
