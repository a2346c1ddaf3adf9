"""The contract of an SMS provider, modelled on Django's mail backends: aliased settings, one method to send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

SMSStatus = Literal["accepted", "refused", "not_sent", "unknown"]


@dataclass(frozen=True, slots=True)
class SMSMessage:
    """One text to one number. `to` is E.164; `uid` is ours and comes back in status reports."""

    uid: str
    to: str
    body: str
    sender: str = ""


@dataclass(frozen=True, slots=True)
class SMSResult:
    """What became of one message.

    `accepted`: the provider has it. `refused`: it never will (wrong number). `not_sent`: certainly not sent, worth a
    retry (`retry_after` seconds if the provider said so: the whole lane waits). `unknown`: it may have been sent.
    """

    uid: str
    status: SMSStatus
    provider_id: str = ""
    detail: str = ""
    retry_after: float | None = None
    # It is not about this message: the account, or the provider itself.
    is_provider_fault: bool = False


class BaseSMSBackend:
    """Base of all providers; `OPTIONS` of the alias arrive as keyword arguments."""

    # How long the provider knows a message again by its uid and takes it once; 0: never.
    key_seconds: float = 0.0

    def __init__(self, **options: Any) -> None:
        if options:
            raise TypeError(f"{type(self).__name__} has no options {', '.join(sorted(options))}")

    def send_messages(self, messages: Sequence[SMSMessage]) -> list[SMSResult]:
        """One result for each message, in order. Must not raise for what one message does wrong."""
        raise NotImplementedError
