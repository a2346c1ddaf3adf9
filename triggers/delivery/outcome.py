"""What became of one call to a provider."""

from __future__ import annotations

from dataclasses import dataclass

from triggers.delivery.sms.base import SMSStatus


@dataclass(frozen=True, slots=True)
class Outcome:
    """`accepted`, `refused` (for good), `not_sent` (certainly; worth a retry) or `unknown` (it may have been sent).

    `retry_after` is what the provider asked for, in seconds.
    """

    status: SMSStatus
    provider_id: str = ""
    detail: str = ""
    retry_after: float | None = None
