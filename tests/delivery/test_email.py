"""The letter's headers, and the mailer around a backend that misbehaves."""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from typing import Any

import pytest
from anymail import exceptions as anymail
from anymail.message import AnymailStatus
from django.core.exceptions import ImproperlyConfigured
from django.core.mail.backends.base import BaseEmailBackend

from triggers.delivery.email import Letter, Mailer, build

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


class Answers(BaseEmailBackend):
    """As Anymail does, tells the recipient's status, or that a receiver of `pre_send` kept the letter back."""

    def __init__(self, status: Any, error: Exception | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.status, self.error = status, error

    def send_messages(self, email_messages: Sequence[Any]) -> int:
        for message in email_messages:
            message.anymail_status = AnymailStatus()
            message.anymail_status.status = self.status
            message.anymail_status.message_id = "id-1"
        if self.error:
            raise self.error
        return len(email_messages) if self.status else 0


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        ({"queued"}, None, "accepted"),
        ({"queued", "rejected"}, None, "accepted"),
        ({"rejected"}, None, "refused"),
        ({"invalid", "failed"}, None, "refused"),
        (None, None, "refused"),
        ({"sent"}, ValueError("bug in a receiver of post_send"), "accepted"),
        ({"rejected"}, anymail.AnymailRecipientsRefused("no"), "refused"),
    ],
)
def test_what_the_provider_said_of_the_recipient_counts(
    settings: Any, status: Any, error: Any, expected: str
) -> None:
    """No error was taken for success, and an error after success for a refusal."""
    use_account(settings, {"BACKEND": f"{__name__}.Answers", "OPTIONS": {"status": status, "error": error}})
    outcome = Mailer().send(LETTER)
    assert outcome.status == expected
    assert outcome.provider_id == ("id-1" if expected == "accepted" else "")


class SaysNothing(BaseEmailBackend):
    def send_messages(self, email_messages: Sequence[Any]) -> int:
        return 0


def test_a_backend_that_swallows_its_errors_leaves_doubt(settings: Any) -> None:
    use_account(settings, {"BACKEND": f"{__name__}.SaysNothing"})
    assert Mailer().send(LETTER).status == "unknown"


def test_an_account_that_the_settings_do_not_know_sends_nothing() -> None:
    outcome = Mailer("bulk").send(LETTER)
    assert (outcome.status, outcome.is_provider_fault) == ("not_sent", True)
    assert "bulk" in outcome.detail


def use_account(settings: Any, account: dict[str, Any]) -> None:
    settings.TRIGGERS = {**settings.TRIGGERS, "EMAIL_ACCOUNTS": {"default": account}}
