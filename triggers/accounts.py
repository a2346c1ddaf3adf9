"""The provider accounts of each channel, and the names of the lanes that lead to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from triggers.conf import settings

DEFAULT = "default"
# Longer aliases would not fit into the names that are made of them.
MOST_ALIAS_CHARS = 32

# The setting that lists a channel's accounts.
SETTINGS = {"email": "EMAIL_ACCOUNTS", "sms": "SMS_PROVIDERS"}
# In the order in which lanes are served.
CLASSES = ("transactional", "marketing")


class LaneName(NamedTuple):
    """A lane is a channel, a class and an account: what stands in one of them waits for nothing in another."""

    channel: str
    message_class: str
    account: str


def accounts(channel: str) -> Mapping[str, Mapping[str, Any]]:
    """What the settings say about a channel's accounts, by alias."""
    found: Mapping[str, Mapping[str, Any]] = getattr(settings, SETTINGS[channel])
    return found


def lane_name(channel: str, message_class: str, account: str = "") -> str:
    """`email.marketing`, or `email.marketing.bulk` for another account than the default one."""
    name = f"{channel}.{message_class}"
    return name if account in ("", DEFAULT) else f"{name}.{account}"


def parse_lane(name: str) -> LaneName:
    """The parts of a lane's name; the account may be one that the settings no longer know."""
    channel, _dot, rest = name.partition(".")
    message_class, _dot, account = rest.partition(".")
    return LaneName(channel, message_class, account or DEFAULT)


def lane_names() -> list[str]:
    """All lanes of the settings, the transactional ones first."""
    return [
        lane_name(channel, kind, alias)
        for kind in CLASSES
        for channel in SETTINGS
        for alias in accounts(channel)
    ]


def rate_of(lane: str) -> float | None:
    """Messages per second that a lane may send, None for no limit. RATE is a number, or one for each class."""
    channel, message_class, account = parse_lane(lane)
    rate = accounts(channel).get(account, {}).get("RATE")
    return rate.get(message_class) if isinstance(rate, Mapping) else rate
