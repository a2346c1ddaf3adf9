"""What holds for every chain and every moment, tried on generated ones."""

from __future__ import annotations

from datetime import timedelta
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.pure import FREE, NOW, decided, graph, journey, node
from triggers.core.decide import decide
from triggers.core.graph import Graph, StepNode
from triggers.core.values import ChangeContact, Decision, Fact, JourneyState, JourneyStatus

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "nowhere")
PLAIN: list[tuple[str, dict[str, Any]]] = [
    ("send_email", {"template": "hello"}),
    ("send_sms", {"template": "hi"}),
    ("change_contact", {"add_tags": ["vip"]}),
    ("exit", {}),
    ("wait", {"amount": 2, "unit": "days"}),
    ("wait", {"amount": 1, "unit": "days", "at": "02:30"}),
    ("wait", {"amount": 0, "at": "09:00", "weekdays": [0, 6]}),
    ("wait", {"amount": 90, "unit": "minutes"}),
]
QUESTIONS = [
    {"kind": "tag", "tag": "vip"},
    {"kind": "none", "of": [{"kind": "contact_field", "field": "language", "value": "de"}]},
]
FACTS: dict[Fact, Any] = FREE | {Fact("tags"): {"vip"}, Fact("contact_field", ("language",)): "de"}

plain = st.sampled_from(PLAIN)
asking = st.sampled_from(QUESTIONS)
sequences = st.recursive(
    st.lists(plain, max_size=4),
    lambda inner: st.lists(plain | st.tuples(asking, inner, inner), max_size=4),
    max_leaves=8,
)


def planted(sequence: list[Any], numbers: count[int]) -> list[StepNode]:
    nodes = []
    for one in sequence:
        key = f"s{next(numbers)}"
        if isinstance(one[0], str):
            nodes.append(node(key, *one))
        else:
            branches = {"yes": planted(one[1], numbers), "no": planted(one[2], numbers)}
            nodes.append(node(key, "condition", {"condition": one[0]}, **branches))
    return nodes


chains = sequences.filter(bool).map(lambda sequence: graph(*planted(sequence, count())))
elapsed = st.timedeltas(timedelta(0), timedelta(days=400))


@st.composite
def places(draw: st.DrawFn) -> tuple[Graph, JourneyState]:
    chain = draw(chains)
    step = draw(st.sampled_from(sorted(chain.nodes)))
    return chain, journey(step, seq=draw(st.integers(0, 10_000)), zone=draw(st.sampled_from(ZONES)))


@given(places(), elapsed)
def test_a_decision_is_well_formed(place: tuple[Graph, JourneyState], after: timedelta) -> None:
    chain, state = place
    now = NOW + after
    decision = decided(decide(chain, state, FACTS, now))
    seqs = [move.seq for move in decision.moves]
    assert seqs == list(range(state.seq + 1, state.seq + 1 + len(decision.moves))), "one seq for one move"
    assert len(decision.moves) <= len(chain.nodes) + 1
    assert (decision.due_at is not None) == (decision.status == JourneyStatus.ACTIVE)
    assert decision.since <= now
    if decision.due_at is not None:
        assert decision.due_at > now or is_just_after_a_change(decision)


def is_just_after_a_change(decision: Decision) -> bool:
    return isinstance(decision.moves[-1].effect, ChangeContact)


@given(places(), elapsed)
def test_the_same_question_has_the_same_answer(place: tuple[Graph, JourneyState], after: timedelta) -> None:
    chain, state = place
    assert decide(chain, state, dict(FACTS), NOW + after) == decide(chain, state, dict(FACTS), NOW + after)


@given(places())
def test_every_journey_ends(place: tuple[Graph, JourneyState]) -> None:
    """Fired whenever it is due, no journey takes more rounds than its chain has steps."""
    chain, state = place
    now = NOW
    for _round in range(len(chain.nodes) + 1):
        decision = decided(decide(chain, state, FACTS, now))
        if decision.due_at is None:
            return
        now = max(now, decision.due_at)
        seq = state.seq + len(decision.moves)
        state = journey(decision.step, since=decision.since, seq=seq, zone=state.zone)
    raise AssertionError("it goes round in a circle")


@given(chains)
def test_every_step_leads_to_the_end(chain: Graph) -> None:
    for key in chain.nodes:
        current: str | None = key
        for _hop in range(len(chain.nodes) + 1):
            if current is None:
                break
            current = chain.following[current]
        assert current is None, f"{key} never reaches the end"


@given(places(), elapsed)
def test_facts_are_announced(place: tuple[Graph, JourneyState], after: timedelta) -> None:
    """With the facts ahead loaded, no decision has to ask again."""
    chain, state = place
    ahead = {fact: FACTS[fact] for fact in chain.needs_from(state.step)}
    assert isinstance(decide(chain, state, ahead, NOW + after), Decision)


@given(chains, st.data())
def test_a_contact_who_moves_zone_stays_wakeable(chain: Graph, data: st.DataObject) -> None:
    step = data.draw(st.sampled_from(sorted(chain.nodes)))
    here = decided(decide(chain, journey(step, zone="Pacific/Kiritimati"), FACTS, NOW))
    if here.due_at is None or not here.step:
        return
    moved = journey(here.step, since=here.since, seq=len(here.moves), zone="Pacific/Pago_Pago")
    there = decided(decide(chain, moved, FACTS, here.due_at))
    assert there.due_at is None or there.due_at > here.due_at or is_just_after_a_change(there)
