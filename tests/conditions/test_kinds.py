"""What every condition owes the engine and the admin, and a stranger's condition beside ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.pure import view
from triggers.conditions import BoundCondition, Condition, Verdict, bind, conditions
from triggers.core.criteria import Criterion
from triggers.core.kinds import MissingFact, View
from triggers.core.values import Fact, Reason, Value
from triggers.core.words import say
from triggers.exceptions import InvalidConfig, NotInSegments, UnknownKind
from triggers.forms import FormContext, KindForm

CONTEXT = FormContext(
    shop_facts=(("cart.total", "Total"),),
    message_steps=(("letter", "Letter"),),
    segments=(("vips", "VIPs"),),
    topics=(("news", "News"),),
)
# A form as posted, by kind; groups have no form of their own.
POSTS: dict[str, dict[str, Any]] = {
    "consent": {"channel": "email", "answer": "granted"},
    "did_not_follow": {"event": "view_item", "never": "purchase", "about": "same", "period": "ever"},
    "engagement": {"what": "opened", "days": "90", "at_least": "1"},
    "event_totals": {
        "event": "purchase",
        "at_least": "1",
        "period": "month",
        "month": "8",
        "years_ago": "1",
        "filters": "items.item_category = school",
        "sum_of": "value",
        "sum_at_least": "20000",
    },
    "in_segment": {"segment": "vips"},
    "preference": {"liked": "brand", "value": "Acme"},
    "rfm_class": {"rfm": "champions"},
    "topic_opt_out": {"topic": "news"},
    "contact_field": {"field": "attributes.size", "op": "eq", "value": "XL"},
    "event_happened": {"event": "purchase", "at_least": "1", "filters": "value > 5"},
    "message_reaction": {"step": "letter", "reaction": "clicked"},
    "shop_fact": {"fact": "cart.total", "op": "gte", "value": "100"},
    "tag": {"tag": "vip"},
}
# Settings of which a segment can be made, where those of the form above are for chains.
STORED: dict[str, dict[str, Any]] = {"event_happened": {"event": "purchase", "days": 30}}
LEAVES = [kind for kind in conditions if kind.key in POSTS]
leaves = pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.key)


def test_every_kind_is_tried_here() -> None:
    assert {kind.key for kind in conditions} == {*POSTS, "all", "any", "none"}


@leaves
def test_what_the_form_stores_the_engine_reads(kind: Condition) -> None:
    form = kind.form_class(POSTS[kind.key], context=CONTEXT)
    assert form.is_valid(), form.errors
    bound = bind({"kind": kind.key, **form.as_config()})
    assert bound.kind is kind
    assert bound.needs()
    sentence = say(bound.describe().text, bound.describe().data)
    assert sentence
    assert "%(" not in sentence


@leaves
def test_it_asks_for_what_it_announced(kind: Condition) -> None:
    form = kind.form_class(POSTS[kind.key], context=CONTEXT)
    assert form.is_valid()
    bound = bind({"kind": kind.key, **form.as_config()})
    with pytest.raises(MissingFact) as missing:
        bound.evaluate(view())
    assert missing.value.fact in bound.needs()


@leaves
def test_a_contact_of_whom_nothing_is_known_has_an_answer(kind: Condition) -> None:
    form = kind.form_class(POSTS[kind.key], context=CONTEXT)
    assert form.is_valid()
    bound = bind({"kind": kind.key, **form.as_config()})
    assert bound.evaluate(view(dict.fromkeys(bound.needs()))).holds is False


@leaves
@pytest.mark.parametrize("raw", [{"no such setting": 1}, {}, {"op": "like"}])
def test_settings_it_does_not_know_are_refused(kind: Condition, raw: Mapping[str, Any]) -> None:
    with pytest.raises(InvalidConfig, match=kind.key):
        kind.parse(raw)


@pytest.mark.parametrize("raw", [None, [], "tag", {}, {"kind": None}, {"kind": 5}, {"kind": ["tag"]}])
def test_what_is_no_condition_is_refused(raw: Any) -> None:
    with pytest.raises(InvalidConfig):
        bind(raw)


@leaves
def test_it_is_asked_of_all_contacts_or_says_why_not(kind: Condition) -> None:
    config = kind.parse(STORED.get(kind.key) or _stored(kind))
    if kind.is_for_segments():
        assert isinstance(BoundCondition(kind, config).criterion(), Criterion)
    else:
        with pytest.raises(NotInSegments, match=kind.key):
            kind.criterion(config)


def _stored(kind: Condition) -> dict[str, Any]:
    form = kind.form_class(POSTS[kind.key], context=CONTEXT)
    assert form.is_valid(), form.errors
    return form.as_config()


def test_only_a_journey_has_a_beginning() -> None:
    with pytest.raises(NotInSegments, match="how many days"):
        bind({"kind": "event_happened", "event": "purchase"}).criterion()


class MoonConfig(Value, frozen=True, forbid_unknown_fields=True):
    phase: str


class Moon(Condition):
    """A stranger's condition, with a fact of its own; it answers with a number, as careless code does."""

    key = "moon_phase"
    label = "Moon"
    Config = MoonConfig
    form_class = KindForm

    def needs(self, config: MoonConfig) -> tuple[Fact, ...]:
        return (Fact("moon"),)

    def evaluate(self, config: MoonConfig, view: View) -> Verdict:
        moon = view.fact(Fact("moon"))
        return Verdict(moon.count(config.phase), moon)

    def describe(self, config: MoonConfig) -> Reason:
        return Reason("the moon is %(phase)s", {"phase": config.phase})


@pytest.mark.parametrize(("moon", "holds"), [("full", True), ("new", False)])
def test_a_strangers_condition_answers_like_ours(moon: str, holds: bool) -> None:
    raw = {"kind": "any", "of": [{"kind": "moon_phase", "phase": "full"}, {"kind": "tag", "tag": "wolf"}]}
    with conditions.registered(Moon):
        bound = bind(raw)
    verdict = bound.evaluate(view({Fact("moon"): moon, Fact("tags"): set()}))
    assert verdict.holds is holds
    assert (
        say(bound.describe().text, bound.describe().data) == "any of (the moon is full, has the tag “wolf”)"
    )
    with pytest.raises(UnknownKind, match="moon_phase"):
        bind(raw)
