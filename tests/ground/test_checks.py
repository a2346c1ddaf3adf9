"""System checks: every mistake in the settings is said at start-up, and none of them ends in a traceback."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import override_settings

from triggers.checks import POSITIVE, check_databases, check_settings
from triggers.conf import Settings

GOOD = {"BASE_URL": "https://shop.test"}


def found(given: Any) -> list[str]:
    with override_settings(TRIGGERS=given):
        return [str(message.id) for message in check_settings()]


def test_good_settings_are_silent() -> None:
    assert found(GOOD) == []
    limits = {"RATE": {"marketing": 5, "transactional": None}, "CONCURRENCY": 3}
    accounts = {"default": {"BACKEND": None, "OPTIONS": {}, **limits}, "bulk": {"RATE": 0.5}}
    policy = {"transactional": "leave"}
    assert found(GOOD | {"EMAIL_ACCOUNTS": accounts, "UNKNOWN_POLICY": policy}) == []


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"BASE_URLL": "x"}, "triggers.E002"),
        ({5: "x"}, "triggers.E002"),
        ({"BASE_URL": ""}, "triggers.E003"),
        ({"BASE_URL": "shop.test"}, "triggers.E003"),
        ({"BASE_URL": "ftp://shop.test"}, "triggers.E003"),
        ({"BASE_URL": "https://"}, "triggers.E003"),
        ({"BASE_URL": "https://[shop"}, "triggers.E003"),
        ({"BASE_URL": None}, "triggers.E003"),
        ({"BASE_URL": 5}, "triggers.E003"),
        ({"SHOP_ADAPTER": "nowhere.Adapter"}, "triggers.E004"),
        ({"SHOP_ADAPTER": "triggers.shop.adapter.Cart"}, "triggers.E004"),
        ({"SHOP_ADAPTER": "triggers.shop.adapter.get_adapter"}, "triggers.E004"),
        ({"SHOP_ADAPTER": None}, "triggers.E004"),
        ({"EMAIL_ACCOUNTS": {}}, "triggers.E006"),
        ({"EMAIL_ACCOUNTS": []}, "triggers.E006"),
        ({"EMAIL_ACCOUNTS": {"default": {"BACKEND": "nowhere.Backend"}}}, "triggers.E006"),
        ({"EMAIL_ACCOUNTS": {"default": "smtp"}}, "triggers.E006"),
        ({"SMS_PROVIDERS": {"default": {"BACKEND": 5}}}, "triggers.E006"),
        ({"SMS_PROVIDERS": {"other": {}}}, "triggers.E006"),
        *(({name: value}, "triggers.E005") for name in POSITIVE for value in (0, -1, "5", True)),
        *(({name: None}, "triggers.E005") for name in POSITIVE if name != "SEND_CONCURRENCY"),
        ({"SOURCE_MODELS": []}, "triggers.E013"),
        ({"SOURCE_MODELS": {"host.Gone": []}}, "triggers.E013"),
        ({"SOURCE_MODELS": {"Ware": []}}, "triggers.E013"),
        ({"SOURCE_MODELS": {5: []}}, "triggers.E013"),
        ({"SOURCE_MODELS": {"host.Ware": ["name", "gone"]}}, "triggers.E013"),
        ({"SOURCE_MODELS": {"host.Parcel": ["labels"]}}, "triggers.E013"),
        ({"SOURCE_MODELS": {"host.Ware": "name"}}, "triggers.E013"),
        ({"SOURCES": "oscar"}, "triggers.E014"),
        ({"SOURCES": ["saleor"]}, "triggers.E014"),
        ({"SOURCES": [[]]}, "triggers.E014"),
        ({"RETENTION": {"events": 0}}, "triggers.E012"),
        ({"RETENTION": {"event": 400}}, "triggers.E012"),
        ({"RETENTION": []}, "triggers.E012"),
        ({"WAIT_SCALE": float("nan")}, "triggers.E005"),
        ({"WAIT_SCALE": float("inf")}, "triggers.E005"),
        ({"TURN_BATCH": 2.5}, "triggers.E005"),
        *(
            ({"EMAIL_ACCOUNTS": {"default": {"RATE": rate}}}, "triggers.E010")
            for rate in (0, -1, "5", True, float("inf"), {"bulk": 5}, {"marketing": 0}, [5])
        ),
        *(
            ({"EMAIL_ACCOUNTS": {"default": {"CONCURRENCY": value}}}, "triggers.E010")
            for value in (0, 2.5, "5", True)
        ),
        ({"EMAIL_ACCOUNTS": {"default": {"RATES": 5}}}, "triggers.E010"),
        ({"EMAIL_ACCOUNTS": {"default": {}, "x" * 33: {}}}, "triggers.E010"),
        ({"EMAIL_ACCOUNTS": {"default": {}, "": {}}}, "triggers.E010"),
        ({"EMAIL_ACCOUNTS": {"default": {}, 5: {}}}, "triggers.E010"),
        *(
            ({"UNKNOWN_POLICY": policy}, "triggers.E011")
            for policy in (None, "resend", {"marketing": "resend"}, {"sms": "leave"}, {"transactional": None})
        ),
    ],
    ids=repr,
)
def test_mistakes(wrong: dict[Any, Any], expected: str) -> None:
    assert found(GOOD | wrong) == [expected]


@pytest.mark.parametrize("given", [None, [], "BASE_URL", 5])
def test_settings_that_are_no_dictionary(given: Any) -> None:
    assert found(given) == ["triggers.E001"]


def test_a_mistyped_name_gets_a_hint() -> None:
    with override_settings(TRIGGERS=GOOD | {"WAIT_SKALE": 1}):
        (message,) = check_settings()
    assert "WAIT_SKALE" in message.msg
    assert message.hint == "Did you mean WAIT_SCALE?"


def test_every_default_passes() -> None:
    assert found({name: getattr(Settings, name) for name in Settings.names()} | GOOD) == []


@pytest.mark.only_on("sqlite")
@pytest.mark.parametrize(
    ("mode", "expected"), [("IMMEDIATE", []), ("exclusive", []), ("DEFERRED", ["triggers.W001"]), (None, ["triggers.W001"])]
)  # fmt: skip
def test_sqlite_must_take_its_lock_at_once(
    mode: str | None, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {"transaction_mode": mode})
    assert [message.id for message in check_databases()] == expected


@pytest.mark.only_on("postgres", "mariadb")
def test_servers_need_nothing_special() -> None:
    assert check_databases() == []
