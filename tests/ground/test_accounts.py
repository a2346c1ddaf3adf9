"""Names of lanes, and what the settings say about them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from triggers.accounts import lane_name, lane_names, parse_lane, rate_of


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("email", "marketing", ""), "email.marketing"),
        (("email", "marketing", "default"), "email.marketing"),
        (("sms", "transactional", "bulk"), "sms.transactional.bulk"),
        (("email", "marketing", "eu.bulk"), "email.marketing.eu.bulk"),
    ],
)
def test_a_lane_is_named_by_channel_class_and_account(parts: tuple[str, str, str], name: str) -> None:
    assert lane_name(*parts) == name
    channel, message_class, account = parts
    assert parse_lane(name) == (channel, message_class, account or "default")


def test_the_transactional_lanes_of_all_accounts_come_first() -> None:
    with override_settings(TRIGGERS={"EMAIL_ACCOUNTS": {"default": {}, "bulk": {}}}):
        assert lane_names() == [
            "email.transactional",
            "email.transactional.bulk",
            "sms.transactional",
            "email.marketing",
            "email.marketing.bulk",
            "sms.marketing",
        ]


@pytest.mark.parametrize(
    ("account", "rates"),
    [({}, (None, None)), ({"RATE": 14}, (14, 14)), ({"RATE": {"marketing": 2.5}}, (None, 2.5))],
)
def test_rate(account: dict[str, Any], rates: tuple[Any, Any]) -> None:
    with override_settings(TRIGGERS={"EMAIL_ACCOUNTS": {"default": account}}):
        assert (rate_of("email.transactional"), rate_of("email.marketing")) == rates
        assert rate_of("email.marketing.gone") is None
