"""Anymail's Brevo backend with an idempotency key: the same message is sent once, however often it is asked for.

Sources: https://developers.brevo.com/changelog/email-api-now-supports-idempotency (15 minutes) and
https://developers.brevo.com/docs/heterogenous-versions-batch-emails (30 minutes), both read 2026-11-23.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from anymail.backends import brevo

from triggers.delivery.outcome import Outcome


class EmailBackend(brevo.EmailBackend):  # type: ignore[misc]
    # The shorter of the two times that Brevo's pages give.
    key_seconds = 900.0

    def build_message_payload(self, message: Any, defaults: Any) -> Any:
        payload = super().build_message_payload(message, defaults)
        payload.data["headers"]["idempotencyKey"] = str(UUID(message.metadata["triggers_message"]))
        return payload

    def judge(self, error: Exception) -> Outcome | None:
        """A key that was seen before is refused, so the first request was taken."""
        return Outcome("accepted") if _error_code(error) == "duplicate_parameter" else None


def _error_code(error: Any) -> str:
    if getattr(error, "status_code", None) != 400:
        return ""
    try:
        return str(error.response.json()["code"])
    except (ValueError, KeyError, TypeError):
        return ""
