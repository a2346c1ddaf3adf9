"""How many calls a sender makes at a time."""

from __future__ import annotations

from triggers.accounts import accounts, parse_lane
from triggers.conf import settings
from triggers.delivery.unknown import key_seconds

# As many messages are in doubt when a sender is killed, and a person may have to look each of them up.
WITHOUT_KEY = 10
# Nobody has to: they are sent again with their key. From here on a core of Python is busy at an API's usual 50 ms.
WITH_KEY = 32


def concurrency_of(lane: str) -> int:
    """The account's CONCURRENCY, else SEND_CONCURRENCY, else what suits its provider."""
    channel, _class, account = parse_lane(lane)
    given: int | None = accounts(channel).get(account, {}).get("CONCURRENCY") or settings.SEND_CONCURRENCY
    return given or (WITH_KEY if key_seconds(lane) else WITHOUT_KEY)
