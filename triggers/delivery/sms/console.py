"""Writes texts to standard output instead of sending them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence

from triggers.delivery.sms.base import BaseSMSBackend, SMSMessage, SMSResult

_lock = threading.Lock()


class ConsoleBackend(BaseSMSBackend):
    def send_messages(self, messages: Sequence[SMSMessage]) -> list[SMSResult]:
        with _lock:
            for message in messages:
                sys.stdout.write(f"SMS to {message.to}\n{message.body}\n{'-' * 40}\n")
            sys.stdout.flush()
        return [SMSResult(message.uid, "accepted", provider_id=message.uid) for message in messages]
