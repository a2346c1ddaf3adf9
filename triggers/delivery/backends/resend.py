"""Anymail's Resend backend with an idempotency key: the same message is sent once, however often it is asked for.

Source: https://resend.com/docs/dashboard/emails/idempotency-keys, read 2026-11-23.
"""

from __future__ import annotations

from typing import Any

from anymail.backends import resend

from triggers.delivery.outcome import Outcome, error_text


class EmailBackend(resend.EmailBackend):  # type: ignore[misc]
    # 24 hours from the first request.
    key_seconds = 86_400.0

    def build_message_payload(self, message: Any, defaults: Any) -> Any:
        payload = super().build_message_payload(message, defaults)
        # Anymail puts a message's own headers into the letter; this one is for the request.
        payload.headers["Idempotency-Key"] = message.metadata["triggers_message"]
        return payload

    def judge(self, error: Exception) -> Outcome | None:
        """409: the key was used for another text (so the first was taken), or its first request is not done yet."""
        name = _error_name(error)
        if name == "invalid_idempotent_request":
            return Outcome("accepted")
        if name == "concurrent_idempotent_requests":
            return Outcome("not_sent", detail=error_text(error))
        return None


def _error_name(error: Any) -> str:
    if getattr(error, "status_code", None) != 409:
        return ""
    try:
        return str(error.response.json()["name"])
    except (ValueError, KeyError, TypeError):
        return ""
