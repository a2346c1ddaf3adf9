"""Letters out through Django's mail API, so that any backend, Anymail's among them, is a setting."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from secrets import token_hex
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings as django_settings
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends import smtp
from django.core.mail.backends.base import BaseEmailBackend

from triggers.accounts import DEFAULT, accounts
from triggers.addresses import parse_email
from triggers.conf import settings
from triggers.crashpoints import crash_point
from triggers.delivery.backends import backend_class
from triggers.delivery.errors import classify, in_doubt, not_sent
from triggers.delivery.outcome import Outcome, error_text, storable
from triggers.exceptions import InvalidAddress
from triggers.logs import note

logger = logging.getLogger(__name__)

# What Anymail calls a recipient to whom the provider will not send.
NOT_TAKEN = {"rejected", "invalid", "failed"}


@dataclass(frozen=True, slots=True)
class Letter:
    """A rendered letter on its way. `unsubscribe_url` is empty for transactional ones; `list_id` is its topic's key."""

    uid: str
    to: str
    subject: str
    html: str
    text: str
    template: str
    unsubscribe_url: str = ""
    list_id: str = ""


class Mailer:
    """Sends letters through one account, one reused connection per thread. Close it when the run is over."""

    def __init__(self, account: str = DEFAULT) -> None:
        self.account = account
        self._local = threading.local()
        self._opened: list[BaseEmailBackend] = []

    def send(self, letter: Letter) -> Outcome:
        """One provider call. Never raises: every error has its outcome."""
        try:
            message = build(letter)
        except (InvalidAddress, ValueError) as error:
            return Outcome("refused", detail=error_text(error))
        try:
            connection = self._connection()
        except Exception as error:
            # A server that is away, a missing key, a mistyped option: whatever it is, the letter has not left.
            return not_sent(error)
        crash_point("send.connected")
        try:
            count = connection.send_messages([message])
        except Exception as error:
            outcome = judge(connection, message, error)
            self._drop()
            return outcome
        return _answered(message, count)

    def close(self) -> None:
        for connection in self._opened:
            close_backend(connection)
        self._opened.clear()

    def _connection(self) -> BaseEmailBackend:
        """This thread's connection. Opening it apart from sending tells "could not connect" from "lost on the way"."""
        connection: BaseEmailBackend | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = make_backend(self.account)
            try:
                connection.open()
            except Exception:
                # Half of it may be open: a conversation that was refused after its greeting.
                close_backend(connection)
                raise
            self._local.connection = connection
            self._opened.append(connection)
        return connection

    def _drop(self) -> None:
        """After an error the connection's state is not known: the next letter gets a new one."""
        connection = self._local.connection
        self._local.connection = None
        self._opened.remove(connection)
        close_backend(connection)


def judge(connection: Any, message: EmailMultiAlternatives, error: Exception) -> Outcome:
    """The outcome of an error, by what the message and the backend know of it, then by what it is."""
    if _statuses(message) - NOT_TAKEN:
        # The provider took it; what failed came after, a receiver of Anymail's `post_send` for one.
        return _accepted(message)
    special = connection.judge(error) if hasattr(connection, "judge") else None
    return special or classify(error, may_have_left=getattr(connection, "may_have_left", True))


def _answered(message: EmailMultiAlternatives, count: int | None) -> Outcome:
    """The outcome of a call without an error: that alone does not say that the letter was taken."""
    statuses = _statuses(message)
    if statuses and not statuses - NOT_TAKEN:
        return Outcome("refused", detail=f"the provider says: {', '.join(sorted(statuses))}")
    if count == 0 and not statuses:
        return _kept_back(message)
    return _accepted(message)


def _kept_back(message: EmailMultiAlternatives) -> Outcome:
    if hasattr(message, "anymail_status"):
        return Outcome("refused", detail="a receiver of Anymail's pre_send cancelled it")
    # With `fail_silently` an error looks like this as well, and it may have come late.
    return in_doubt(RuntimeError("the mail backend says that it sent nothing"))


def _accepted(message: EmailMultiAlternatives) -> Outcome:
    provider_id = getattr(getattr(message, "anymail_status", None), "message_id", None)
    return Outcome("accepted", provider_id=storable(str(provider_id or "")))


def _statuses(message: EmailMultiAlternatives) -> set[str]:
    """What Anymail read from the provider's answer, over all recipients; empty without Anymail or an answer."""
    return set(getattr(getattr(message, "anymail_status", None), "status", None) or ())


def close_backend(connection: BaseEmailBackend) -> None:
    """Saying goodbye to a server that is gone is not an error worth a letter."""
    try:
        connection.close()
    except Exception as error:
        note(logger, logging.DEBUG, "mail.not_closed", error=error)


def make_backend(account: str) -> BaseEmailBackend:
    """A new backend for an alias of EMAIL_ACCOUNTS.

    Not `get_connection()`: Django 6.1 deprecates it, and it refuses to name a backend once MAILERS is set.
    """
    if account not in accounts("email"):
        raise LookupError(f"EMAIL_ACCOUNTS has no account {account!r}")
    given = accounts("email")[account]
    cls = backend_class(given.get("BACKEND"))
    options = dict(given.get("OPTIONS", {}))
    if issubclass(cls, smtp.EmailBackend):
        # Django's default is no timeout at all: a silent server would hold a sender for ever.
        options.setdefault(
            "timeout", getattr(django_settings, "EMAIL_TIMEOUT", None) or settings.SEND_TIMEOUT
        )
    backend: BaseEmailBackend = cls(**options)
    return backend


class Mail(EmailMultiAlternatives):
    """A message whose parts are told apart by a word that nobody can guess.

    Left to itself, the standard library searches the whole letter for the one that it chose: a tenth of sending it.
    """

    def message(self, *args: Any, **kwargs: Any) -> Any:
        message = super().message(*args, **kwargs)
        if message.is_multipart():
            message.set_boundary(f"=_{token_hex(16)}")
        return message


def build(letter: Letter) -> EmailMultiAlternatives:
    """The message with its headers. The address is parsed once more: exactly one, whatever the row holds.

    List headers: RFC 8058, RFC 2369, RFC 2919. The Message-ID is stable over retries, so a second copy can be known.
    """
    domain = urlsplit(settings.BASE_URL).hostname or "localhost"
    headers = {"Message-ID": f"<{letter.uid}@{domain}>"}
    if letter.unsubscribe_url:
        headers["List-Unsubscribe"] = f"<{letter.unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        headers["List-Id"] = f"<{letter.list_id or 'news'}.{domain}>"
    message = Mail(
        subject=letter.subject,
        body=letter.text,
        from_email=settings.FROM_EMAIL or django_settings.DEFAULT_FROM_EMAIL,
        to=[parse_email(letter.to).email],
        headers=headers,
    )
    if letter.html:
        message.attach_alternative(letter.html, "text/html")
    # Anymail passes these on and gives them back in its webhooks; other backends do not look at them.
    message.metadata = {"triggers_message": letter.uid}  # type: ignore[attr-defined]
    message.tags = [letter.template]  # type: ignore[attr-defined]
    return message
