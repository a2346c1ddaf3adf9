"""What became of one call to a provider."""

from __future__ import annotations

from dataclasses import dataclass

from triggers.delivery.sms.base import SMSStatus

MOST_DETAIL_CHARS = 400


@dataclass(frozen=True, slots=True)
class Outcome:
    """`accepted`, `refused` (for good), `not_sent` (certainly; worth a retry) or `unknown` (it may have been sent).

    `retry_after` is what the provider asked for, in seconds.
    """

    status: SMSStatus
    provider_id: str = ""
    detail: str = ""
    retry_after: float | None = None


def error_text(error: Exception) -> str:
    """One line about an error that every database stores, without the addresses that servers like to repeat."""
    words = f"{type(error).__name__}: {error}".replace("\0", "").split()
    text = " ".join("…" if "@" in word else word for word in words)
    return text.encode(errors="replace").decode()[:MOST_DETAIL_CHARS]
