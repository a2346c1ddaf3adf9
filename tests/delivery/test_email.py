"""The letter's headers, and what each error of a mail backend proves."""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from typing import Any

import pytest
import requests
from anymail import exceptions as anymail
from django.core.exceptions import ImproperlyConfigured
from django.core.mail.backends.base import BaseEmailBackend
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import MaxRetryError, NewConnectionError

from triggers.delivery.email import Letter, Mailer, build, classify

LETTER = Letter(
    uid="0123456789abcdef0123456789abcdef",
    to="anna@example.com",
    subject="Ваша корзина ждёт",
    html="<p>Hello</p>",
    text="Hello",
    template="reminder",
    unsubscribe_url="https://shop.test/triggers/unsubscribe/token/",
    list_id="news",
)


def test_a_marketing_letter_can_be_unsubscribed_from_with_one_click() -> None:
    headers = build(LETTER).message()
    assert str(headers["List-Unsubscribe"]).strip() == "<https://shop.test/triggers/unsubscribe/token/>"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["List-Id"] == "<news.shop.test>"
    assert headers["Message-ID"] == f"<{LETTER.uid}@shop.test>"
    assert [part.get_content_type() for part in headers.walk()][1:] == ["text/plain", "text/html"]


def test_a_transactional_letter_has_no_list() -> None:
    letter = Letter("1" * 32, "anna@example.com", "Thanks", "<p>Hi</p>", "Hi", "thanks")
    headers = build(letter).message()
    assert not [name for name in headers.keys() if name.startswith("List-")]  # noqa: SIM118


def test_the_provider_gets_our_uid_and_gives_it_back() -> None:
    message = build(LETTER)
    given = vars(message)
    assert given["metadata"] == {"triggers_message": LETTER.uid}
    assert given["tags"] == ["reminder"]


@pytest.mark.parametrize(
    "address", ["a@example.com, evil@example.org", "a@example.com\nBcc: evil@example.org", "", "a"]
)
def test_an_address_that_is_not_exactly_one_is_refused_before_anything_is_sent(address: str) -> None:
    letter = Letter("1" * 32, address, "Hi", "", "Hi", "t")
    outcome = Mailer().send(letter)
    assert outcome.status == "refused"
    assert "evil" not in outcome.detail


def api_error(status: int, headers: dict[str, str] | None = None) -> anymail.AnymailRequestsAPIError:
    response = requests.Response()
    response.status_code = status
    response.headers.update(headers or {})
    return anymail.AnymailRequestsAPIError(response=response)


def connection_error(reason: Exception) -> anymail.AnymailAPIError:
    error = anymail.AnymailAPIError("no answer")
    error.__cause__ = requests.ConnectionError(MaxRetryError(HTTPConnectionPool("127.0.0.1"), "/", reason))
    return error


REFUSED_CONNECTION = NewConnectionError(HTTPConnection("127.0.0.1"), "refused")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (smtplib.SMTPRecipientsRefused({"a@b.c": (550, b"no")}), "refused"),
        (smtplib.SMTPRecipientsRefused({"a@b.c": (450, b"later")}), "not_sent"),
        (smtplib.SMTPSenderRefused(553, b"who?", "a@b.c"), "refused"),
        (smtplib.SMTPDataError(451, b"later"), "not_sent"),
        (smtplib.SMTPResponseException(-1, b"garbage"), "unknown"),
        (smtplib.SMTPServerDisconnected("gone"), "unknown"),
        (TimeoutError("silence"), "unknown"),
        (ConnectionResetError("reset"), "unknown"),
        (api_error(429, {"Retry-After": "17"}), "not_sent"),
        (api_error(503), "not_sent"),
        (api_error(400), "refused"),
        (api_error(401), "not_sent"),
        (api_error(402), "not_sent"),
        (api_error(403), "not_sent"),
        (api_error(404), "refused"),
        (smtplib.SMTPAuthenticationError(535, b"who?"), "not_sent"),
        (smtplib.SMTPSenderRefused(530, b"log in first", "a@b.c"), "not_sent"),
        (anymail.AnymailConfigurationError("no key"), "not_sent"),
        (api_error(500), "unknown"),
        (api_error(502), "unknown"),
        (connection_error(REFUSED_CONNECTION), "not_sent"),
        (connection_error(OSError("reset")), "unknown"),
        (anymail.AnymailRecipientsRefused("no"), "refused"),
        (anymail.AnymailUnsupportedFeature("no"), "refused"),
        (ValueError("header"), "refused"),
        (RuntimeError("?"), "unknown"),
    ],
)
def test_what_an_error_proves(error: Exception, status: str) -> None:
    assert classify(error).status == status


class Unwilling(BaseEmailBackend):
    """A backend that fails where its option says, before any letter is handed over."""

    def __init__(self, fails: str, error: Exception, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fails, self.error = fails, error
        self.fail("init")

    def fail(self, place: str) -> None:
        if place == self.fails:
            raise self.error

    def open(self) -> bool:
        self.fail("open")
        return True

    def send_messages(self, email_messages: Sequence[Any]) -> int:
        raise smtplib.SMTPServerDisconnected("gone")

    def close(self) -> None:
        self.fail("close")


@pytest.mark.parametrize("place", ["init", "open"])
@pytest.mark.parametrize(
    "error",
    [
        anymail.AnymailConfigurationError("no key"),
        ImproperlyConfigured("no host"),
        ImportError("no module"),
        TypeError("no such option"),
        ValueError("TLS and SSL"),
        smtplib.SMTPAuthenticationError(535, b"who?"),
    ],
)
def test_before_the_provider_is_asked_nothing_is_sent(settings: Any, place: str, error: Exception) -> None:
    """Such an error used to leave the thread, end the run, and make a whole claim of letters `unknown`."""
    use_account(settings, {"BACKEND": f"{__name__}.Unwilling", "OPTIONS": {"fails": place, "error": error}})
    outcome = Mailer().send(LETTER)
    assert outcome.status == "not_sent"
    assert outcome.detail.startswith(type(error).__name__)


@pytest.mark.parametrize("account", [{"BACKEND": "nowhere.Backend"}, {"BACKEND": "django.core.mail.nothing"}])
def test_a_backend_that_does_not_exist_sends_nothing(settings: Any, account: dict[str, Any]) -> None:
    use_account(settings, account)
    assert Mailer().send(LETTER).status == "not_sent"


def test_a_connection_that_cannot_be_closed_does_not_hide_what_happened(settings: Any) -> None:
    """The error of `close()` used to take the place of the letter's outcome."""
    options = {"fails": "close", "error": RuntimeError("bug")}
    use_account(settings, {"BACKEND": f"{__name__}.Unwilling", "OPTIONS": options})
    assert Mailer().send(LETTER).status == "unknown"


def use_account(settings: Any, account: dict[str, Any]) -> None:
    settings.TRIGGERS = {**settings.TRIGGERS, "EMAIL_ACCOUNTS": {"default": account}}


def test_the_provider_says_when_to_come_back() -> None:
    assert classify(api_error(429, {"Retry-After": "17"})).retry_after == 17
    assert classify(api_error(429, {"Retry-After": "Sun, 22 Nov 2026 07:00:00 GMT"})).retry_after is None


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
