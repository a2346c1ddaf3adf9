"""An SMS provider that keeps every text for the mailbox page."""

from __future__ import annotations

from collections.abc import Sequence

from demo_shop.models import MailboxText
from triggers.delivery.sms.base import BaseSMSBackend, SMSMessage, SMSResult


class MailboxSMSBackend(BaseSMSBackend):
    def send_messages(self, messages: Sequence[SMSMessage]) -> list[SMSResult]:
        results = []
        for message in messages:
            text = MailboxText.objects.create(
                uid=message.uid, recipient=message.to, sender=message.sender[:40], body=message.body
            )
            results.append(SMSResult(uid=message.uid, status="accepted", provider_id=str(text.pk)))
        return results
