"""A Django mail backend that keeps every letter for the mailbox page."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from demo_shop.models import MailboxLetter


class MailboxBackend(BaseEmailBackend):
    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        letters = [letter for letter in email_messages if letter.recipients()]
        for letter in letters:
            MailboxLetter.objects.create(
                recipients=", ".join(letter.recipients()),
                sender=letter.from_email[:400],
                subject=str(letter.subject)[:500],
                raw=letter.message().as_bytes(),
            )
        return len(letters)
