"""What became of one call to a provider."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from triggers.delivery.sms.base import SMSStatus

MOST_DETAIL_CHARS = 400


class Cause(Enum):
    """What an outcome says beyond its own message."""

    # Nothing: this message only.
    MESSAGE = "message"
    # The provider or its network: the next message would meet the same.
    PROVIDER = "provider"
    # Our account with it or our settings: the same, and no waiting mends it.
    ACCOUNT = "account"
    # Our domain or address is refused by the mailbox providers: sending on makes it worse.
    POLICY = "policy"
    # Too many at once.
    THROTTLED = "throttled"
    # The mail server that the letter was for does not take it now.
    DEFERRED = "deferred"
    # There is nobody at this address.
    NO_SUCH_ADDRESS = "no such address"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`accepted`, `refused` (for good), `not_sent` (certainly; worth a retry) or `unknown` (it may have been sent).

    `retry_after` is what the provider asked for, in seconds.
    """

    status: SMSStatus
    provider_id: str = ""
    detail: str = ""
    retry_after: float | None = None
    cause: Cause = Cause.MESSAGE

    @property
    def is_provider_fault(self) -> bool:
        """Whether it is not about this message at all: it is not counted against it."""
        return self.is_own_fault or self.cause in (Cause.PROVIDER, Cause.THROTTLED)

    @property
    def is_own_fault(self) -> bool:
        """Whether it needs a person of ours: a login that was revoked, a domain that is refused."""
        return self.cause in (Cause.ACCOUNT, Cause.POLICY)

    @property
    def is_proof_of_life(self) -> bool:
        """Whether the provider did its work."""
        return self.status == "accepted" or self.cause is Cause.NO_SUCH_ADDRESS


def error_text(error: Exception) -> str:
    """One line about an error, as `detail_text`."""
    return detail_text(f"{type(error).__name__}: {error}")


def detail_text(text: str) -> str:
    """One line that every database stores, without the addresses that servers like to repeat."""
    words = storable(text).split()
    return " ".join("…" if "@" in word else word for word in words)[:MOST_DETAIL_CHARS]


def storable(text: str) -> str:
    """The text without what not every database stores: null characters and halves of characters."""
    return text.replace("\0", "").encode(errors="replace").decode()
