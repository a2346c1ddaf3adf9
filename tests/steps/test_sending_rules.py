"""When a sending step queues its message, for when, and when it leaves it out or waits: each with its words."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

import pytest

from tests.pure import NOW, decided, graph, journey, node, view
from triggers.core.decide import decide
from triggers.core.limits import Cap, Limits, Taken
from triggers.core.schedule import QuietHours
from triggers.core.values import Decision, Fact, Go, JourneyStatus, QueueMessage, WaitUntil
from triggers.core.words import say
from triggers.steps import steps

LETTER = Fact("sending_limits", ("email", "hello"))
# NOW is Monday noon, UTC.
NOON_IS_QUIET = QuietHours(time(11), time(14))
DAY, WEEK = Cap(1, 24), Cap(3, 168)


def at(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


def taken(hours: float, **fields: Any) -> Taken:
    given: dict[str, Any] = {"id": 7, "chain": "Welcome"}
    return Taken(at(hours), **(given | fields))


def outcome(limits: Limits, config: dict[str, Any] | None = None, **fields: Any) -> Go | WaitUntil:
    letter = steps.get("send_email")
    looked = view({LETTER: limits}, **fields)
    given: Any = letter.decide(letter.parse({"template": "hello"} | (config or {})), looked)
    return given


def words(answer: Go | WaitUntil) -> str:
    return say(answer.reason.text, answer.reason.data)


def queued(answer: Go | WaitUntil) -> QueueMessage:
    assert isinstance(answer, Go)
    assert isinstance(answer.effect, QueueMessage)
    return answer.effect


@pytest.mark.parametrize(
    ("late", "limit", "own", "is_sent"),
    [
        (24, 86_400, None, True),
        (24.1, 86_400, None, False),
        (1000, None, None, True),
        (5, 86_400, 6, True),
        (7, 86_400, 6, False),
        (7, None, 6, False),
        (-3, 86_400, None, True),
    ],
)
def test_what_is_too_late_is_left_out(
    late: float, limit: float | None, own: float | None, is_sent: bool
) -> None:
    config = {"late_hours": own} if own else {}
    answer = outcome(Limits(late_seconds=limit), config, since=at(-late))
    assert isinstance(answer, Go)
    assert (answer.effect is not None) is is_sent
    if not is_sent:
        assert words(answer) == f"Not sent: {float(late)} h late"


def test_it_leaves_when_the_quiet_hours_end() -> None:
    answer = outcome(Limits(quiet=NOON_IS_QUIET), {"expires_hours": 1})
    assert queued(answer) == QueueMessage("email", "hello", 3600, at(2))
    assert words(answer).startswith("Letter “hello” queued, leaves after the quiet hours, ")


def test_quiet_hours_are_on_the_contacts_clock() -> None:
    assert queued(outcome(Limits(quiet=NOON_IS_QUIET), zone="Asia/Tokyo")).send_after is None
    assert queued(outcome(Limits(quiet=NOON_IS_QUIET), zone="nowhere at all")).send_after == at(2)


def test_a_full_cap_leaves_it_out() -> None:
    answer = outcome(Limits(caps=(WEEK,), taken=(taken(-1), taken(-2), taken(-3))))
    assert isinstance(answer, Go)
    assert answer.effect is None
    assert words(answer) == "Not sent: already 3 in 7 d, “Welcome” goes first"


def test_a_full_cap_puts_it_off_until_there_is_room() -> None:
    limits = Limits(caps=(DAY,), on_hit="put_off", taken=(taken(-20, chain=""),))
    answer = outcome(limits)
    assert isinstance(answer, WaitUntil)
    assert answer.at == at(4)
    assert words(answer).endswith(": already 1 in 1 d")
    quiet = QuietHours(at(3).time(), at(6).time())
    assert outcome(Limits(caps=(DAY,), quiet=quiet, on_hit="put_off", taken=(taken(-20),))).at == at(6)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("config", "expires", "since", "waits"),
    [
        ({}, 5 * 3600, 0, True),
        ({}, 3 * 3600, 0, False),
        ({"expires_hours": 5}, 3600, 0, True),
        ({"expires_hours": 3}, 86_400, 0, False),
        # It has been put off before: the whole of it counts.
        ({"expires_hours": 5}, 3600, -2, False),
    ],
)
def test_it_is_not_put_off_beyond_its_worth(
    config: dict[str, Any], expires: float, since: float, waits: bool
) -> None:
    limits = Limits(expires_seconds=expires, caps=(DAY,), on_hit="put_off", taken=(taken(-20),))
    answer = outcome(limits, config, since=at(since), planned_at=NOW)
    assert isinstance(answer, WaitUntil if waits else Go)
    if not waits:
        assert "there is room at" in words(answer)


def test_the_more_important_takes_the_place_of_what_waits() -> None:
    limits = Limits(caps=(DAY,), taken=(taken(3, priority=1, is_movable=True),))
    answer = outcome(limits, priority=2)
    assert queued(answer).displaces == (7,)
    assert words(answer) == "Letter “hello” queued, in the place of a less important message"
    assert isinstance(outcome(limits, priority=1), Go)
    assert outcome(limits, priority=1).effect is None  # type: ignore[union-attr]


def walked(limits: Limits, *kinds: tuple[str, dict[str, Any]], **fields: Any) -> Decision:
    nodes = [node(f"s{number}", *kind) for number, kind in enumerate(kinds)]
    chain = graph(*nodes, quiet=fields.pop("quiet", None))
    return decided(decide(chain, journey("s0", **fields), {LETTER: limits}, NOW))


SEND = ("send_email", {"template": "hello"})
HOUR = ("wait", {"amount": 1, "unit": "hours"})
TAG = ("change_contact", {"add_tags": ["x"]})


def test_the_chains_own_quiet_hours_count_as_well() -> None:
    decision = walked(Limits(), SEND, quiet=NOON_IS_QUIET)
    assert decision.moves[0].effect == QueueMessage("email", "hello", send_after=at(2))
    later = walked(Limits(quiet=QuietHours(time(14), time(15))), SEND, quiet=NOON_IS_QUIET)
    assert later.moves[0].effect == QueueMessage("email", "hello", send_after=at(3))


def test_a_wait_after_a_message_counts_from_when_it_is_to_leave() -> None:
    """mautic#1311: the path for those who had not opened a letter began before the letter was sent."""
    decision = walked(Limits(quiet=NOON_IS_QUIET), SEND, HOUR, SEND)
    assert (decision.step, decision.since, decision.due_at) == ("s1", at(2), at(3))
    changed = walked(Limits(quiet=NOON_IS_QUIET), SEND, TAG, HOUR)
    assert (changed.step, changed.since, changed.due_at) == ("s2", at(2), NOW)


def test_two_messages_of_one_decision_do_not_share_a_place() -> None:
    decision = walked(Limits(caps=(DAY,)), SEND, SEND)
    first, second, _end = decision.moves
    assert first.effect is not None
    assert second.effect is None
    assert say(second.reason.text, second.reason.data) == "Not sent: already 1 in 1 d"
    two = Limits(caps=(Cap(2, 24),), taken=(taken(-1, priority=0, is_movable=True),))
    displacing = walked(two, SEND, SEND, priority=3)
    effects = [move.effect for move in displacing.moves[:2]]
    assert [getattr(effect, "displaces", None) for effect in effects] == [(), (7,)]


def test_what_was_put_off_stays_at_its_step() -> None:
    limits = Limits(caps=(DAY,), on_hit="put_off", taken=(taken(-20),))
    decision = walked(limits, SEND, HOUR)
    assert (decision.status, decision.step, decision.due_at) == (JourneyStatus.ACTIVE, "s0", at(4))


def test_after_a_wait_that_is_long_over_the_message_is_as_late_as_the_wait_was() -> None:
    limits = Limits(late_seconds=3600)
    on_time = walked(limits, HOUR, SEND, since=at(-1.5))
    assert on_time.moves[0].effect is not None
    late = walked(limits, HOUR, SEND, since=at(-3))
    assert say(late.moves[0].reason.text, late.moves[0].reason.data) == "Not sent: 2.0 h late"


def test_it_stays_late_while_the_contact_is_changed_on_the_way() -> None:
    changed = walked(Limits(late_seconds=3600), HOUR, TAG, SEND, since=at(-3))
    assert (changed.step, changed.due_at, changed.planned_at) == ("s2", NOW, at(-2))
