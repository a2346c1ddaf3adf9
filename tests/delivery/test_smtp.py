"""A conversation that breaks at each of its stages: what is known of the letter then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.delivery.smtp_script import CLOSE, ENDLESS, GARBAGE, SILENCE, ScriptedSMTP
from triggers.delivery.email import Letter, Mailer
from triggers.delivery.outcome import Cause, Outcome

Serve = Callable[..., ScriptedSMTP]

LETTER = Letter("1" * 32, "anna@example.com", "Hi", "", "Hello.\n.\nBye", "reminder")


@pytest.fixture
def serve(settings: Any) -> Iterator[Serve]:
    """`serve({stage: answer}, …, use_tls=True)`: the default mail account sends to a server with these scripts."""
    servers = []

    def start(*scripts: dict[str, str], **options: Any) -> ScriptedSMTP:
        server = ScriptedSMTP(*scripts)
        servers.append(server)
        account = {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": {"host": "127.0.0.1", "port": server.port, "timeout": _patience(*scripts)} | options,
        }
        settings.TRIGGERS = {**settings.TRIGGERS, "EMAIL_ACCOUNTS": {"default": account}}
        return server

    yield start
    for server in servers:
        server.stop()


def _patience(*scripts: dict[str, str]) -> float:
    """Short where silence is what the test is about; else long enough for a machine that is busy."""
    return 0.3 if any(SILENCE in script.values() for script in scripts) else 20


def send(times: int = 1) -> list[Outcome]:
    mailer = Mailer()
    try:
        return [mailer.send(LETTER) for _time in range(times)]
    finally:
        mailer.close()


@pytest.mark.parametrize("stage", ["connect", "ehlo", "auth", "mail", "rcpt", "data"])
@pytest.mark.parametrize("answer", [CLOSE, SILENCE, GARBAGE, ENDLESS, "421 4.3.2 closing" + CLOSE])
def test_before_the_letter_is_asked_for_nothing_is_lost(serve: Serve, stage: str, answer: str) -> None:
    """A connection that was lost before DATA used to leave the letter `unknown`."""
    script = {stage: answer} | ({"helo": answer} if stage == "ehlo" else {})
    server = serve(script, username="shop", password="x")
    (outcome,) = send()
    assert (outcome.status, outcome.cause) == ("not_sent", Cause.PROVIDER)
    assert server.taken == 0


@pytest.mark.parametrize("answer", [CLOSE, SILENCE, GARBAGE, ENDLESS, "999 what?", "299 what?"])
def test_after_it_silence_proves_nothing(serve: Serve, answer: str) -> None:
    server = serve({"body": answer})
    (outcome,) = send()
    assert (outcome.status, outcome.cause) == ("unknown", Cause.PROVIDER)
    assert server.taken == 1


@pytest.mark.parametrize(
    ("stage", "answer", "status", "cause"),
    [
        ("connect", "554 5.3.2 no", "not_sent", Cause.PROVIDER),
        ("auth", "535 5.7.8 who?", "not_sent", Cause.ACCOUNT),
        ("auth", "454 4.7.0 later", "not_sent", Cause.PROVIDER),
        ("mail", "451 4.3.0 later", "not_sent", Cause.MESSAGE),
        ("mail", "550 5.7.1 not from you", "not_sent", Cause.ACCOUNT),
        ("rcpt", "450 4.2.0 grey", "not_sent", Cause.MESSAGE),
        ("rcpt", "550 5.1.1 nobody", "refused", Cause.NO_SUCH_ADDRESS),
        ("data", "451 later", "not_sent", Cause.DEFERRED),
        ("data", "554 no", "refused", Cause.MESSAGE),
        ("body", "452 4.3.1 full", "not_sent", Cause.DEFERRED),
        ("body", "554 5.7.1 spam", "refused", Cause.MESSAGE),
        ("body", "550 5.7.26 unauthenticated", "not_sent", Cause.POLICY),
    ],
)
def test_an_answer_is_believed(serve: Serve, stage: str, answer: str, status: str, cause: Cause) -> None:
    serve({stage: answer}, username="shop", password="x")
    (outcome,) = send()
    assert (outcome.status, outcome.cause) == (status, cause)


def test_a_server_that_does_not_speak_tls(serve: Serve) -> None:
    for options in ({"use_tls": True}, {"use_ssl": True}):
        serve({"connect": "220 hi" + CLOSE} if "use_ssl" in options else {}, **options)
        (outcome,) = send()
        assert (outcome.status, outcome.cause) == ("not_sent", Cause.PROVIDER)


def test_a_server_that_closes_after_each_letter_loses_none(serve: Serve) -> None:
    """The letter after it used to become `unknown`."""
    server = serve({"body": "250 OK" + CLOSE})
    assert [outcome.status for outcome in send(3)] == ["accepted"] * 3
    assert (server.taken, server.connections) == (3, 3)


def test_a_goodbye_on_a_used_connection_is_answered_with_a_new_one_once(serve: Serve) -> None:
    """Servers carry a number of letters over a connection, then say 421."""
    server = serve({"mail": "250 OK"})
    mailer = Mailer()
    assert mailer.send(LETTER).status == "accepted"
    server.scripts[0]["mail"] = "421 4.7.0 too many letters" + CLOSE
    assert mailer.send(LETTER).status == "not_sent"
    assert (server.taken, server.connections) == (1, 2)
    del server.scripts[0]["mail"]
    assert mailer.send(LETTER).status == "accepted"
    mailer.close()
    assert (server.taken, server.connections) == (2, 3)


def test_a_letter_is_not_tried_twice_on_new_connections(serve: Serve) -> None:
    server = serve({"rcpt": CLOSE})
    assert send()[0].status == "not_sent"
    assert server.connections == 1
