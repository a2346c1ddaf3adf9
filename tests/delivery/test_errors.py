"""What each error proves about the letter, and what it says about the provider."""

from __future__ import annotations

import smtplib
import ssl
from typing import Any

import pytest
import requests
from anymail import exceptions as anymail
from django.core.exceptions import ImproperlyConfigured
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError, ProxyError, SSLError

from triggers.delivery.errors import classify
from triggers.delivery.outcome import Cause


def api_error(status: int, headers: dict[str, str] | None = None) -> anymail.AnymailRequestsAPIError:
    response = requests.Response()
    response.status_code = status
    response.headers.update(headers or {})
    return anymail.AnymailRequestsAPIError(response=response)


def connection_error(reason: Exception) -> anymail.AnymailAPIError:
    return caused_by(requests.ConnectionError(MaxRetryError(HTTPConnectionPool("127.0.0.1"), "/", reason)))


def caused_by(cause: Exception) -> anymail.AnymailAPIError:
    error = anymail.AnymailAPIError("no answer")
    error.__cause__ = cause
    return error


def rcpt(code: int, text: bytes) -> smtplib.SMTPRecipientsRefused:
    return smtplib.SMTPRecipientsRefused({"a@b.c": (code, text)})


def data(code: int, text: bytes) -> smtplib.SMTPDataError:
    return smtplib.SMTPDataError(code, text)


def sender(code: int, text: bytes) -> smtplib.SMTPSenderRefused:
    return smtplib.SMTPSenderRefused(code, text, "shop@b.c")


REFUSED_CONNECTION = NewConnectionError(HTTPConnection("127.0.0.1"), "refused")
MESSAGE, PROVIDER, POLICY = Cause.MESSAGE, Cause.PROVIDER, Cause.POLICY
ACCOUNT, DEFERRED = Cause.ACCOUNT, Cause.DEFERRED


@pytest.mark.parametrize(
    ("error", "status", "cause"),
    [
        # SMTP, about this recipient or this letter.
        (rcpt(550, b"no"), "refused", MESSAGE),
        (rcpt(550, b"5.1.1 no such user"), "refused", Cause.NO_SUCH_ADDRESS),
        (rcpt(550, b"5.1.10 RecipientNotFound"), "refused", Cause.NO_SUCH_ADDRESS),
        (data(550, b"5.1.1 no such user"), "refused", Cause.NO_SUCH_ADDRESS),
        (rcpt(450, b"4.1.1 later"), "not_sent", MESSAGE),
        (rcpt(452, b"4.2.2 full"), "not_sent", MESSAGE),
        (rcpt(552, b"5.2.2 full"), "refused", MESSAGE),
        (rcpt(451, b"4.7.500 server busy"), "not_sent", DEFERRED),
        (data(451, b"later"), "not_sent", DEFERRED),
        (sender(451, b"later"), "not_sent", MESSAGE),
        (data(554, b"5.7.1 looks like spam"), "refused", MESSAGE),
        (sender(552, b"5.3.4 too large"), "refused", MESSAGE),
        (smtplib.SMTPRecipientsRefused({}), "unknown", PROVIDER),
        # SMTP, about us.
        (rcpt(421, b"4.3.2 closing"), "not_sent", PROVIDER),
        (sender(553, b"5.7.8 who?"), "not_sent", ACCOUNT),
        (sender(530, b"log in first"), "not_sent", ACCOUNT),
        (smtplib.SMTPAuthenticationError(535, b"who?"), "not_sent", ACCOUNT),
        (data(454, b"Throttling failure: Maximum sending rate exceeded."), "not_sent", Cause.THROTTLED),
        (rcpt(550, b"5.7.515 Access denied, sending domain"), "not_sent", POLICY),
        (data(550, b"5.7.26 unauthenticated"), "not_sent", POLICY),
        (data(421, b"4.7.28 unusual rate"), "not_sent", POLICY),
        (rcpt(550, b"5.7.1 relaying denied"), "refused", MESSAGE),
        # SMTP, no answer.
        (smtplib.SMTPResponseException(-1, b"garbage"), "unknown", PROVIDER),
        (smtplib.SMTPResponseException(500, b"Line too long."), "unknown", PROVIDER),
        (data(-1, b"garbage"), "unknown", PROVIDER),
        (data(299, b"what?"), "unknown", PROVIDER),
        (smtplib.SMTPServerDisconnected("gone"), "unknown", PROVIDER),
        (TimeoutError("silence"), "unknown", PROVIDER),
        (ConnectionResetError("reset"), "unknown", PROVIDER),
        # HTTP.
        (api_error(429, {"Retry-After": "17"}), "not_sent", Cause.THROTTLED),
        (api_error(503), "not_sent", PROVIDER),
        (api_error(400), "refused", MESSAGE),
        (api_error(422), "refused", MESSAGE),
        *((api_error(code), "not_sent", ACCOUNT) for code in (401, 402, 403, 404, 405)),
        *((api_error(code), "not_sent", MESSAGE) for code in (408, 425)),
        *((api_error(code), "unknown", PROVIDER) for code in (200, 302, 500, 502, 504, 599)),
        (connection_error(REFUSED_CONNECTION), "not_sent", PROVIDER),
        (connection_error(ProxyError("proxy", REFUSED_CONNECTION)), "not_sent", PROVIDER),
        (connection_error(SSLError(ssl.SSLCertVerificationError("whose?"))), "not_sent", PROVIDER),
        (connection_error(SSLError(ssl.SSLError("broken"))), "unknown", PROVIDER),
        (connection_error(SSLError()), "unknown", PROVIDER),
        (connection_error(OSError("reset")), "unknown", PROVIDER),
        (caused_by(requests.ConnectTimeout()), "not_sent", PROVIDER),
        (caused_by(requests.ReadTimeout()), "unknown", PROVIDER),
        (caused_by(requests.ConnectionError(ProtocolError("reset"))), "unknown", PROVIDER),
        (caused_by(requests.exceptions.ChunkedEncodingError()), "unknown", PROVIDER),
        (caused_by(requests.exceptions.InvalidURL()), "not_sent", PROVIDER),
        # Neither.
        (ImproperlyConfigured("no key"), "not_sent", ACCOUNT),
        (anymail.AnymailConfigurationError("no key"), "not_sent", ACCOUNT),
        (anymail.AnymailRecipientsRefused("no"), "refused", MESSAGE),
        (anymail.AnymailUnsupportedFeature("no"), "refused", MESSAGE),
        (ValueError("header"), "refused", MESSAGE),
        (RuntimeError("?"), "unknown", PROVIDER),
    ],
    ids=repr,
)
def test_what_an_error_proves(error: Exception, status: str, cause: Cause) -> None:
    outcome = classify(error)
    assert (outcome.status, outcome.cause) == (status, cause)


@pytest.mark.parametrize(
    "error",
    [
        smtplib.SMTPServerDisconnected("gone"),
        data(-1, b"garbage"),
        smtplib.SMTPResponseException(500, b"Line too long."),
        TimeoutError("silence"),
    ],
    ids=repr,
)
def test_before_the_letter_was_asked_for_silence_proves_that_it_is_not_sent(error: Exception) -> None:
    outcome = classify(error, may_have_left=False)
    assert (outcome.status, outcome.cause) == ("not_sent", PROVIDER)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "17"}, 17),
        ({"Retry-After": "9" * 400}, 999_999_999_999),
        (
            {
                "Retry-After": "Sun, 22 Nov 2026 07:01:30 GMT",
                "Date": "Sun, 22 Nov 2026 07:00:00 GMT",
            },
            90,
        ),
        (
            {"Retry-After": "Sun, 22 Nov 2026 07:00:00 -0000", "Date": "Sun, 22 Nov 2026 07:00:30 GMT"},
            -30,
        ),
        ({"Retry-After": "Sun, 99 Nov 2026 07:00:00 GMT"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "٣"}, None),
        ({"Retry-After": ""}, None),
        ({}, None),
    ],
    ids=repr,
)
def test_the_provider_says_when_to_come_back(headers: dict[str, str], seconds: Any) -> None:
    assert classify(api_error(429, headers)).retry_after == seconds
    assert classify(api_error(503, headers)).retry_after == seconds


def test_addresses_stay_out_of_the_reason() -> None:
    outcome = classify(
        smtplib.SMTPRecipientsRefused({"anna@example.com": (550, b"5.1.1 <anna@example.com> unknown")})
    )
    assert "anna" not in outcome.detail


def test_a_reason_can_be_stored_on_every_database() -> None:
    """PostgreSQL refuses NUL, and all three lone surrogates: the result of the letter was lost with it."""
    detail = classify(RuntimeError("no\0thing \ud800 " + "x" * 1000)).detail
    assert detail.startswith("RuntimeError: nothing ? xxx")
    assert len(detail) == 400
