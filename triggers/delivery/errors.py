"""What an error of a mail backend says about the letter, and about the provider. What proves nothing is `unknown`."""

from __future__ import annotations

import smtplib
import ssl
from operator import itemgetter
from typing import Any

import requests
from anymail import exceptions as anymail
from django.core.exceptions import ImproperlyConfigured
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProxyError, SSLError

from triggers.delivery.amazon import by_amazon
from triggers.delivery.outcome import Cause, Outcome, error_text
from triggers.delivery.replies import by_reply, retry_after

# Key not valid, account not paid for, not allowed to send; nothing at this address of the API.
HTTP_ACCOUNT_CODES = (401, 402, 403, 404, 405)
# The request came too slowly or too early: it was not looked at.
HTTP_NOT_TAKEN = (408, 425)

# The greeting and the login: about us, whatever the code.
BEFORE_ANY_LETTER = (smtplib.SMTPHeloError, smtplib.SMTPConnectError, smtplib.SMTPAuthenticationError)

# Settings that no request can be made from.
NO_REQUEST = (
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidHeader,
)


def classify(error: Exception, *, may_have_left: bool = True) -> Outcome:
    """The outcome of an error. `may_have_left` is False where the backend knows that the letter cannot have."""
    if isinstance(error, smtplib.SMTPException):
        return _by_smtp_error(error, may_have_left)
    if isinstance(error, anymail.AnymailAPIError):
        return _by_api_error(error)
    if isinstance(error, ImproperlyConfigured):
        return not_sent(error)
    if isinstance(error, anymail.AnymailError | ValueError | TypeError | UnicodeError):
        return Outcome("refused", detail=error_text(error))
    return in_doubt(error) if may_have_left else not_sent(error)


def not_sent(error: Exception, asked: float | None = None) -> Outcome:
    """Certainly not sent, for a reason that the next letter would meet as well."""
    cause = Cause.ACCOUNT if _is_about_account(error) else Cause.PROVIDER
    return Outcome("not_sent", detail=error_text(error), retry_after=asked, cause=cause)


def in_doubt(error: Exception) -> Outcome:
    """Nobody knows. A provider that leaves us in doubt does so with the next letter too, so it is counted against it."""
    return Outcome("unknown", detail=error_text(error), cause=Cause.PROVIDER)


def _by_smtp_error(error: smtplib.SMTPException, may_have_left: bool) -> Outcome:
    if isinstance(error, BEFORE_ANY_LETTER):
        return not_sent(error)
    code: int
    text: bytes | str
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = min(error.recipients.values(), key=itemgetter(0), default=(0, b""))
    elif isinstance(error, smtplib.SMTPResponseException) and _is_reply(error):
        code, text = error.smtp_code, error.smtp_error
    else:
        return in_doubt(error) if may_have_left else not_sent(error)
    is_about_sender = isinstance(error, smtplib.SMTPSenderRefused)
    outcome = by_reply(code, text, error_text(error), is_about_sender=is_about_sender)
    # A reply that is no answer, to the letter itself or before it.
    return outcome or (in_doubt(error) if may_have_left else not_sent(error))


def _is_about_account(error: Any) -> bool:
    """A login that is refused for good, a key that is wrong or missing: our own to mend."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return error.smtp_code >= 500
    return (
        isinstance(error, ImproperlyConfigured) or getattr(error, "status_code", None) in HTTP_ACCOUNT_CODES
    )


def _is_reply(error: smtplib.SMTPResponseException) -> bool:
    """smtplib gives a line that never ends the code 500, in an error without a class of its own."""
    return type(error) is not smtplib.SMTPResponseException or error.smtp_code != 500


def _by_api_error(error: Any) -> Outcome:
    """429 and 503: not taken, nor when the account is wrong. 500, 502, 504, silence, and a success that cannot be
    read: may have been taken. Other 4xx: refused for good."""
    code = getattr(error, "status_code", None)
    if code == 429:
        return Outcome("not_sent", "", error_text(error), retry_after(error.response), Cause.THROTTLED)
    if code == 503:
        return not_sent(error, retry_after(error.response))
    if code in HTTP_ACCOUNT_CODES:
        return not_sent(error)
    if code in HTTP_NOT_TAKEN:
        return Outcome("not_sent", detail=error_text(error))
    if code is not None and 400 <= code < 500:
        return Outcome("refused", detail=error_text(error))
    if code is not None:
        return in_doubt(error)
    return not_sent(error) if _never_asked(error) else by_amazon(error) or in_doubt(error)


def _never_asked(error: Any) -> bool:
    """Anymail raises its own error from requests'; a connection that was never made sent nothing."""
    for one in (error, error.__cause__, error.__context__):
        if isinstance(one, (requests.ConnectTimeout, *NO_REQUEST)):
            return True
        if isinstance(one, requests.ConnectionError) and one.args and isinstance(one.args[0], MaxRetryError):
            return _never_connected(one.args[0].reason)
    return False


def _never_connected(reason: Any) -> bool:
    if isinstance(reason, ProxyError):
        reason = reason.original_error
    if isinstance(reason, SSLError):
        # Another error of TLS may come when the request is out.
        return bool(reason.args) and isinstance(reason.args[0], ssl.SSLCertVerificationError)
    return isinstance(reason, NewConnectionError)
