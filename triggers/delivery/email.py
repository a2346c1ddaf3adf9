"""Letters out through Django's mail API, so that any backend, Anymail's among them, is a setting."""

from __future__ import annotations

import logging
import smtplib
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from anymail import exceptions as anymail
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.utils.module_loading import import_string
from urllib3.exceptions import MaxRetryError, NewConnectionError

from triggers.addresses import parse_email
from triggers.conf import settings
from triggers.crashpoints import crash_point
from triggers.delivery.outcome import Outcome, error_text
from triggers.exceptions import InvalidAddress

logger = logging.getLogger(__name__)

# RFC 4954: wants a login, a stronger one, a right one, an encrypted one.
SMTP_ACCOUNT_CODES = (530, 534, 535, 538)
# Key not valid, account not paid for, or not allowed to send.
HTTP_ACCOUNT_CODES = (401, 402, 403)


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

    def __init__(self, account: str = "default") -> None:
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
            return Outcome("not_sent", detail=error_text(error))
        crash_point("send.connected")
        try:
            connection.send_messages([message])
        except Exception as error:
            self._drop()
            return classify(error)
        status = getattr(message, "anymail_status", None)
        return Outcome("accepted", provider_id=str(getattr(status, "message_id", None) or ""))

    def close(self) -> None:
        for connection in self._opened:
            _close(connection)
        self._opened.clear()

    def _connection(self) -> BaseEmailBackend:
        """This thread's connection. Opening it apart from sending tells "could not connect" from "lost on the way"."""
        connection: BaseEmailBackend | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = make_backend(self.account)
            try:
                connection.open()
            except Exception:
                # The server may have been reached: a refused login must not leave a socket behind for each letter.
                _close(connection)
                raise
            self._local.connection = connection
            self._opened.append(connection)
        return connection

    def _drop(self) -> None:
        """After an error the connection's state is not known: the next letter gets a new one."""
        connection = self._local.connection
        self._local.connection = None
        self._opened.remove(connection)
        _close(connection)


def _close(connection: BaseEmailBackend) -> None:
    """Saying goodbye to a server that is gone is not an error worth a letter."""
    try:
        connection.close()
    except Exception:
        logger.debug("a mail connection did not close well", exc_info=True)


def make_backend(account: str) -> BaseEmailBackend:
    """A new backend for an alias of EMAIL_ACCOUNTS.

    Not `get_connection()`: Django 6.1 deprecates it, and it refuses to name a backend once MAILERS is set.
    """
    given: dict[str, Any] = settings.EMAIL_ACCOUNTS[account]
    path = given.get("BACKEND") or django_settings.EMAIL_BACKEND
    options = dict(given.get("OPTIONS", {}))
    if path == "django.core.mail.backends.smtp.EmailBackend":
        # Django's default is no timeout at all: a silent server would hold a sender for ever.
        options.setdefault(
            "timeout", getattr(django_settings, "EMAIL_TIMEOUT", None) or settings.SEND_TIMEOUT
        )
    backend: BaseEmailBackend = import_string(path)(**options)
    return backend


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
    message = EmailMultiAlternatives(
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


def classify(error: Exception) -> Outcome:
    """What an error of a mail backend says about the letter. What proves nothing is `unknown`."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _text in error.recipients.values()]
        return _by_smtp_code(min(codes, default=0), error_text(error))
    if isinstance(error, smtplib.SMTPResponseException):
        return _by_smtp_code(error.smtp_code, error_text(error))
    if isinstance(error, anymail.AnymailAPIError):
        return _by_api_error(error)
    if isinstance(error, ImproperlyConfigured):
        return Outcome("not_sent", detail=error_text(error))
    if isinstance(error, anymail.AnymailError | ValueError | TypeError | UnicodeError):
        return Outcome("refused", detail=error_text(error))
    return Outcome("unknown", detail=error_text(error))


def _by_smtp_code(code: int, detail: str) -> Outcome:
    """RFC 5321: 4yz is transient, 5yz is permanent; both mean that the server did not take the letter.

    A wrong login is a 5yz too, but the next letter would be refused for it just as well: it says nothing about this one.
    """
    if 400 <= code < 500 or code in SMTP_ACCOUNT_CODES:
        return Outcome("not_sent", detail=detail)
    return Outcome("refused" if code >= 500 else "unknown", detail=detail)


def _by_api_error(error: Any) -> Outcome:
    """429 and 503: not taken, nor when the account is wrong. 500, 502, 504 and silence: may have been taken.
    Other 4xx: refused for good."""
    detail, code = error_text(error), getattr(error, "status_code", None)
    if code in (429, 503):
        return Outcome("not_sent", detail=detail, retry_after=_retry_after(error))
    if code in HTTP_ACCOUNT_CODES:
        return Outcome("not_sent", detail=detail)
    if code is not None and 400 <= code < 500:
        return Outcome("refused", detail=detail)
    if code is None and _never_connected(error):
        return Outcome("not_sent", detail=detail)
    return Outcome("unknown", detail=detail)


def _never_connected(error: Any) -> bool:
    """Anymail raises its own error from requests'; a connection that was never made sent nothing."""
    for one in (error, error.__cause__, error.__context__):
        if isinstance(one, requests.ConnectTimeout):
            return True
        if isinstance(one, requests.ConnectionError) and one.args and isinstance(one.args[0], MaxRetryError):
            return isinstance(one.args[0].reason, NewConnectionError)
    return False


def _retry_after(error: Any) -> float | None:
    """The header's seconds; its other form, a date, is left to our own backoff."""
    value = getattr(error.response, "headers", {}).get("Retry-After", "")
    return float(value) if str(value).isdecimal() else None
