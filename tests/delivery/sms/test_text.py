"""A provider of the host's own, and one that breaks its contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from triggers.delivery.sms import BaseSMSBackend, SMSMessage, SMSResult
from triggers.delivery.text import send_text

TEXT = SMSMessage("1", "+12025550100", "Hi")


class Foreign(BaseSMSBackend):
    def __init__(self, answer: str) -> None:
        self.answer = answer

    def send_messages(self, messages: Sequence[SMSMessage]) -> list[SMSResult]:
        if self.answer == "raise":
            raise RuntimeError("bug")
        if self.answer == "nothing":
            return []
        return [SMSResult(one.uid, self.answer, "id-1", retry_after=5) for one in messages]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("accepted", "accepted"),
        ("refused", "refused"),
        ("not_sent", "not_sent"),
        ("raise", "unknown"),
        ("nothing", "unknown"),
    ],
)
def test_outcomes(settings: Any, answer: str, status: str) -> None:
    provider = {"BACKEND": f"{__name__}.Foreign", "OPTIONS": {"answer": answer}}
    settings.TRIGGERS = {**settings.TRIGGERS, "SMS_PROVIDERS": {"default": provider}}
    assert send_text(TEXT).status == status


@pytest.mark.parametrize(
    "provider",
    [
        {"BACKEND": f"{__name__}.Foreign", "OPTIONS": {"anser": "accepted"}},
        {"BACKEND": "nowhere.Backend"},
        {},
    ],
)
def test_a_provider_that_cannot_be_made_sends_nothing(settings: Any, provider: dict[str, Any]) -> None:
    """Texts used to become `unknown`, which nobody retries."""
    settings.TRIGGERS = {**settings.TRIGGERS, "SMS_PROVIDERS": {"default": provider}}
    assert send_text(TEXT).status == "not_sent"
