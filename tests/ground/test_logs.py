"""Log lines have an action and ids; whatever an error or a server repeats, no address gets in."""

from __future__ import annotations

import logging

import pytest

from triggers.logs import note, without_addresses

logger = logging.getLogger("triggers.test")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("550 <ann@example.com> unknown", "550 … unknown"),
        ("DETAIL: Key (email_key)=(ann@example.com) already exists.", "DETAIL: Key … already exists."),
        ("Ann Lee <ann+x@example.com>, bob@b", "Ann Lee … …"),
        ("'anné@exämple.com'", "…"),
        ("no such number +1 (202) 555-0101!", "no such number …!"),
        ("phone=+12025550101", "phone=…"),
        ("nothing to hide: 12345678901, 5 + 3", "nothing to hide: 12345678901, 5 + 3"),
        ("Bad\ud800Name", "Bad\\ud800Name"),
        ("", ""),
    ],
)
def test_addresses_go(text: str, expected: str) -> None:
    assert without_addresses(text) == expected


def test_a_line_has_its_action_and_ids_for_people_and_machines(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "triggers"):
        note(logger, logging.INFO, "lane.sent", lane="email.marketing", accepted=3, to="ann@example.com")
        note(logger, logging.DEBUG, "never.seen")
    (record,) = caplog.records
    assert record.getMessage() == "lane.sent lane=email.marketing accepted=3 to=…"
    assert record.action == "lane.sent"  # type: ignore[attr-defined]
    assert record.ids == {"lane": "email.marketing", "accepted": 3, "to": "…"}  # type: ignore[attr-defined]
    assert record.funcName == "test_a_line_has_its_action_and_ids_for_people_and_machines"


def test_a_value_from_outside_begins_no_line_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    note(logger, logging.ERROR, "event.not_captured", event="x\r\nERROR everything.paused\x85\u2028y")
    assert len(caplog.text.strip().splitlines()) == 1


class Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError("ann@example.com")


def test_a_traceback_keeps_its_place_and_its_name_and_loses_addresses(
    caplog: pytest.LogCaptureFixture,
) -> None:
    address = f"{'ann'}@example.com"
    try:
        try:
            raise KeyError(address)
        except KeyError as cause:
            raise ValueError(f"no customer {address} here") from cause
    except ValueError as error:
        note(logger, logging.ERROR, "shop.failed", error=error)
    try:
        raise Unprintable
    except Unprintable as error:
        note(logger, logging.ERROR, "shop.failed", error=error)
    assert address not in caplog.text
    for part in ("ValueError: no customer … here", "KeyError: …", "raise KeyError(address)", "Unprintable"):
        assert part in caplog.text
