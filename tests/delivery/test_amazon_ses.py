"""Amazon's own library asks once, however the answer is lost. Needs boto3, which nothing else here does."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from triggers.delivery.email import Letter, Mailer
from triggers.delivery.outcome import Cause

pytest.importorskip("boto3")

LETTER = Letter("a" * 32, "ann@example.com", "Hello", "<p>Hello</p>", "Hello", "reminder")
PATH = "anymail.backends.amazon_ses.EmailBackend"


class Stub:
    """Amazon's endpoint on loopback, as far as a count of requests goes."""

    def __init__(self) -> None:
        self.requests = 0
        self.status, self.body = 200, b'{"MessageId": "id-1"}'
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                stub.requests += 1
                self.rfile.read(int(self.headers["Content-Length"]))
                if not stub.status:
                    return
                self.send_response(stub.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(stub.body)))
                self.end_headers()
                self.wfile.write(stub.body)

            def log_message(self, *args: Any) -> None:
                """Nothing to the terminal."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def amazon() -> Iterator[Stub]:
    stub = Stub()
    thread = Thread(target=stub.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield stub
    stub.server.shutdown()
    stub.server.server_close()
    thread.join()


def mailer(settings: Any, stub: Stub, **client: Any) -> Mailer:
    session = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    params = {"region_name": "eu-west-1", "endpoint_url": stub.url, **client}
    account = {"BACKEND": PATH, "OPTIONS": {"session_params": session, "client_params": params}}
    settings.TRIGGERS = {**settings.TRIGGERS, "EMAIL_ACCOUNTS": {"default": account}}
    return Mailer()


def test_a_letter_is_taken(settings: Any, amazon: Stub) -> None:
    outcome = mailer(settings, amazon).send(LETTER)
    assert (outcome.status, outcome.provider_id, amazon.requests) == ("accepted", "id-1", 1)


@pytest.mark.parametrize("status", [0, 500, 503])
def test_it_is_asked_once(settings: Any, amazon: Stub, status: int) -> None:
    """It used to be asked five times, and the first four may have been taken."""
    amazon.status, amazon.body = status, b"{}"
    outcome = mailer(settings, amazon).send(LETTER)
    assert amazon.requests == 1
    assert outcome.cause is Cause.PROVIDER
    assert outcome.status == ("not_sent" if status == 503 else "unknown")


@pytest.mark.parametrize(
    ("retries", "requests"),
    [({"total_max_attempts": 2}, 2), ({"max_attempts": 1}, 2), ({"mode": "standard"}, 1)],
)
def test_an_account_may_say_otherwise(
    settings: Any, amazon: Stub, retries: dict[str, Any], requests: int
) -> None:
    amazon.status = 500
    mailer(settings, amazon, config={"retries": retries}).send(LETTER)
    assert amazon.requests == requests


def test_it_waits_no_longer_than_a_call_may_take(settings: Any, amazon: Stub) -> None:
    config = mailer(settings, amazon)._connection().client_params["config"]  # type: ignore[attr-defined]
    assert (config.connect_timeout, config.read_timeout) == (30.0, 30.0)
    given = {"config": {"read_timeout": 7}}
    config = mailer(settings, amazon, **given)._connection().client_params["config"]  # type: ignore[attr-defined]
    assert (config.connect_timeout, config.read_timeout) == (30.0, 7)
