"""The checker finds what is planted; one that cannot fail would prove nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.faults.checker import COLUMNS, Belief, Evidence, Row, balance, find_problems
from tests.faults.deliveries import Delivery, DeliveryLog, delivery_of_mail, wish_of
from triggers.models import MessageState

ANN, BOB = "ann@example.com", "bob@example.com"
HONEST = Evidence(
    deliveries=[Delivery("1" * 32, ANN, "Hi", "smtp")],
    rows=[
        Row("1" * 32, ANN, "reminder", "marketing", "accepted"),
        Row("2" * 32, BOB, "reminder", "marketing", "suppressed"),
    ],
    beliefs=[
        Belief("add_to_cart", ANN, True, ("reminder",)),
        Belief("add_to_cart", BOB, True, ("reminder",)),
        Belief("add_to_cart", BOB, None, ("reminder",)),
        Belief("add_to_cart", BOB, False, ("reminder",)),
    ],
    events={("add_to_cart", ANN): 1, ("add_to_cart", BOB): 1},
)


def state(uid: str, to: str, state: str) -> Row:
    return Row(uid * 32, to, "reminder", "marketing", state)


def test_honest_books_balance() -> None:
    assert find_problems(HONEST) == []
    assert balance(HONEST) == {"due": 3, "sent": 1, "skipped": 1, "failed": 0, "unknown": 0, "waiting": 0}


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ({"deliveries": []}, "lost: reminder to ann@example.com is accepted, nobody received it"),
        (
            {"deliveries": [*HONEST.deliveries, *HONEST.deliveries]},
            "2 copies of the marketing letter reminder to ann@example.com",
        ),
        (
            {"deliveries": [*HONEST.deliveries, Delivery("9" * 32, ANN, "Hi", "api")]},
            f"a letter {'9' * 32} was received that no message stands for",
        ),
        (
            {"deliveries": [*HONEST.deliveries, Delivery("2" * 32, BOB, "Hi", "api")]},
            "the letter reminder to bob@example.com was received and is suppressed",
        ),
        ({"rows": HONEST.rows[:1]}, "0 messages reminder to bob@example.com, due are 1 to 2"),
        (
            {"rows": [*HONEST.rows, state("3", ANN, "cancelled")]},
            "2 messages reminder to ann@example.com, due are 1",
        ),
        ({"rows": [HONEST.rows[0], state("2", BOB, "unknown")]}, "1 unknown, at most 0 can be explained"),
        ({"rows": [HONEST.rows[0], state("2", BOB, "sending")]}, "1 unknown, at most 0 can be explained"),
        ({"rows": [HONEST.rows[0], state("2", BOB, "queued")]}, "left undone: 0 events, 1 letters"),
        ({"rows": [HONEST.rows[0], state("2", BOB, "held")]}, "left undone: 0 events, 1 letters"),
        ({"pending": 1}, "left undone: 1 events, 0 letters"),
        ({"twins": 1}, "1 journeys began by an event that had begun one"),
        (
            {"events": {("add_to_cart", BOB): 1}},
            "0 events add_to_cart of ann@example.com, the shop was told of 1",
        ),
        (
            {"events": {**HONEST.events, ("add_to_cart", BOB): 3}},
            "3 events add_to_cart of bob@example.com, the shop was told of 1 to 2",
        ),
    ],
)
def test_what_is_planted_is_found(planted: Mapping[str, Any], found: str) -> None:
    assert find_problems(replace(HONEST, **planted)) == [found]


COPY = Delivery("3" * 32, ANN, "Hi", "smtp", f"<{'3' * 32}@shop.test>")
SENT_AGAIN = Row("3" * 32, ANN, "reminder", "transactional", "accepted", was_doubted=True, resends=1)


def twice(row: Row, *copies: Delivery) -> Evidence:
    """The honest books, with a letter of Ann's that was received more than once."""
    return replace(HONEST, deliveries=copies, rows=[row, HONEST.rows[1]])


def test_a_transactional_letter_in_doubt_may_come_twice() -> None:
    assert find_problems(twice(SENT_AGAIN, COPY, COPY), most_unknown=1) == []


@pytest.mark.parametrize(
    "evidence",
    [
        twice(replace(SENT_AGAIN, message_class="marketing"), COPY, COPY),
        twice(replace(SENT_AGAIN, was_doubted=False), COPY, COPY),
        twice(replace(SENT_AGAIN, resends=0), COPY, COPY),
        twice(replace(SENT_AGAIN, resends=2), COPY, COPY),
        twice(SENT_AGAIN, COPY, COPY, COPY),
        twice(SENT_AGAIN, COPY, replace(COPY, message_id=f"<{'3' * 32}@other.test>")),
        twice(SENT_AGAIN, replace(COPY, via="api"), replace(COPY, via="api")),
    ],
    ids=[
        *("marketing", "without a doubt", "not by us", "twice by us", "a third", "another Message-ID"),
        "a provider that knows it by its key",
    ],
)
def test_any_other_second_copy_is_found(evidence: Evidence) -> None:
    (problem,) = find_problems(evidence, most_unknown=1)
    assert f" copies of the {evidence.rows[0].message_class} letter reminder to {ANN}" in problem


def test_a_doubt_that_was_cleared_up_counts_all_the_same() -> None:
    evidence = twice(SENT_AGAIN, COPY)
    assert find_problems(evidence) == ["1 unknown, at most 0 can be explained"]


def test_what_a_kill_explains_is_no_problem() -> None:
    evidence = replace(HONEST, rows=[HONEST.rows[0], state("2", BOB, "unknown")])
    assert find_problems(evidence, most_unknown=1) == []


def test_what_still_waits_is_no_problem_before_the_end() -> None:
    evidence = replace(HONEST, rows=[HONEST.rows[0], state("2", BOB, "queued")], pending=3)
    assert find_problems(evidence, is_finished=False) == []


def test_every_state_has_one_column() -> None:
    assert sorted(one for states in COLUMNS.values() for one in states) == sorted(MessageState.values)


def test_the_log_keeps_what_a_letter_was(tmp_path: Any) -> None:
    log = DeliveryLog(tmp_path / "deliveries")
    mail = b"Message-ID: <" + b"a" * 32 + b"@shop.test>\r\nSubject: Hi\r\n\r\nHello"
    log.add(delivery_of_mail(mail, [ANN]))
    log.add(Delivery("b" * 32, BOB, "Привет", "api"))
    assert DeliveryLog(log.path).read() == [
        Delivery("a" * 32, ANN, "Hi", "smtp", f"<{'a' * 32}@shop.test>"),
        Delivery("b" * 32, BOB, "Привет", "api"),
    ]


@pytest.mark.parametrize(
    ("address", "wish"),
    [("tempfail-3@example.com", "tempfail"), ("429-1@example.com", "429"), ("person3@example.com", "")],
)
def test_a_name_says_what_its_owner_wishes(address: str, wish: str) -> None:
    assert wish_of(address) == wish
