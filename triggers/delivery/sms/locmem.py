"""Keeps texts in `outbox`, for tests (clear it in a fixture)."""

from __future__ import annotations

from collections.abc import Sequence

from triggers.delivery.sms.base import BaseSMSBackend, SMSMessage, SMSResult

outbox: list[SMSMessage] = []


class LocmemBackend(BaseSMSBackend):
    def send_messages(self, messages: Sequence[SMSMessage]) -> list[SMSResult]:
        outbox.extend(messages)
        return [SMSResult(message.uid, "accepted", provider_id=message.uid) for message in messages]
