"""The table of covered faults in README.md says what the tests say."""

from __future__ import annotations

from tests.faults.covered import FAULTS, MISSING, README, by_fault, with_table


def test_the_table_is_what_the_tests_make_it() -> None:
    text = README.read_text(encoding="utf-8")
    assert text == with_table(text), "run `python -m tests.faults.covered`"


def test_every_mark_names_a_fault_of_the_list() -> None:
    assert set(by_fault()) == set(FAULTS)


def test_a_fault_without_tests_says_why() -> None:
    assert {fault for fault, tests in by_fault().items() if not tests} <= set(MISSING)
