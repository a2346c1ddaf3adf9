"""Django's SMTP backend, which remembers how far a conversation came.

Until the server has said "go ahead" to DATA it has nothing that it could deliver (RFC 5321, section 4.1.1.4), so
whatever breaks before that is known not to be sent.
"""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends import smtp

from triggers.delivery.replies import CLOSING

GO_AHEAD = 354


class _Remembers:
    """Mixed into smtplib's clients: whether the letter that was begun last may have left."""

    may_have_left = False

    def sendmail(self, *args: Any, **kwargs: Any) -> dict[str, tuple[int, bytes]]:
        self.may_have_left = False
        refused: dict[str, tuple[int, bytes]] = super().sendmail(*args, **kwargs)  # type: ignore[misc]
        self.may_have_left = False
        return refused

    def getreply(self) -> tuple[int, bytes]:
        answer: tuple[int, bytes] = super().getreply()  # type: ignore[misc]
        if answer[0] == GO_AHEAD:
            self.may_have_left = True
        return answer


class _Client(_Remembers, smtplib.SMTP):
    """A plain connection, or one that becomes encrypted."""


class _EncryptedClient(_Remembers, smtplib.SMTP_SSL):
    """A connection that is encrypted from the start."""


class EmailBackend(smtp.EmailBackend):
    # After an error: whether the letter may have left all the same.
    may_have_left = False
    # Whether the open connection has carried a letter already.
    _is_used = False

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return _EncryptedClient if self.use_ssl else _Client

    def open(self) -> bool | None:
        is_new = super().open()
        if is_new:
            self._is_used = False
        return is_new

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """As Django's. Servers close connections that are old, idle, or have carried enough: a letter that meets that
        is tried once more on a new one."""
        self.may_have_left = False
        try:
            return self._try(email_messages)
        except smtplib.SMTPException as error:
            is_stale = self._is_used and len(email_messages) == 1 and _is_goodbye(error)
            if not is_stale or self.may_have_left:
                raise
        with suppress(smtplib.SMTPException):
            self.close()
        self.open()
        return self._try(email_messages)

    def _try(self, email_messages: Sequence[EmailMessage]) -> int:
        try:
            count = super().send_messages(email_messages)
        except Exception:
            # Without a connection that tells, whatever is possible may have happened.
            self.may_have_left = getattr(self.connection, "may_have_left", True)
            raise
        self._is_used = True
        return count


def _is_goodbye(error: smtplib.SMTPException) -> bool:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return any(code == CLOSING for code, _text in error.recipients.values())
    return isinstance(error, smtplib.SMTPServerDisconnected) or getattr(error, "smtp_code", 0) == CLOSING
