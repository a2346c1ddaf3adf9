"""A mail provider's HTTP API that does to each letter what its recipient's name says.

It speaks Resend's protocol as far as sending needs it: `POST /emails` with a JSON letter, answered by `{"id": …}`, errors as
`{"statusCode", "name", "message"}`, and the `Idempotency-Key` header. Source: resend.com/docs/api-reference, read 2026-11-23.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

from tests.faults.deliveries import DeliveryLog, delivery_of_json, wish_of

Answer = tuple[int, str]

# Status, error name and Retry-After of letters that are not taken.
REFUSALS: dict[str, tuple[int, str, str]] = {
    "tempfail": (503, "service_unavailable", ""),
    "permfail": (422, "validation_error", ""),
    "429": (429, "rate_limit_exceeded", "7"),
    "429bare": (429, "rate_limit_exceeded", ""),
    "quota": (429, "daily_quota_exceeded", ""),
    "revoked": (401, "restricted_api_key", ""),
}
# Statuses of letters that are taken all the same.
LIES = {"500afteraccept": 500, "502afteraccept": 502, "504afteraccept": 504}


class ESP(ThreadingHTTPServer):
    """Takes letters into the log. Beside the refusals and lies above, a recipient may be called

    `dropindata` (the connection ends, nothing was taken), `dropafterdata` (taken, no reply), `closeafter250` (taken, answered,
    closed), `halfreply` (taken, the reply breaks off), `silent` (taken, never a reply), `garbage` (taken, no JSON),
    `200error` (not taken, an error under status 200), `greylist` (429 once, then taken).
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, log: DeliveryLog) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.log = log
        self.on_stage: Callable[[str, str], None] = lambda stage, to: None
        self.seen: Counter[str] = Counter()
        self.by_key: dict[str, str] = {}
        self.closing = threading.Event()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def account(self, timeout: float = 10) -> dict[str, Any]:
        """The entry for EMAIL_ACCOUNTS."""
        options = {
            "api_key": "re_test",
            "api_url": f"http://127.0.0.1:{self.port}/",
            "requests_timeout": timeout,
        }
        return {"BACKEND": "anymail.backends.resend.EmailBackend", "OPTIONS": options}

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no news here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ESP

    def do_POST(self) -> None:
        letter = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        to = letter["to"][0]
        wish = wish_of(to)
        self.server.seen[to] += 1
        self.server.on_stage("data", to)
        if self.headers["Authorization"] == "Bearer revoked":
            wish = "revoked"
        if wish == "dropindata":
            self._hang_up()
        elif wish == "greylist" and self.server.seen[to] == 1:
            self._refuse(*REFUSALS["429bare"])
        elif wish in REFUSALS:
            self._refuse(*REFUSALS[wish])
        elif wish == "200error":
            self._answer(200, json.dumps({"statusCode": 422, "name": "validation_error", "message": "no"}))
        else:
            self._take(letter, to, wish)

    def _take(self, letter: dict[str, Any], to: str, wish: str) -> None:
        key = self.headers.get("Idempotency-Key", "")
        answer = self.server.by_key.get(key) if key else None
        if answer is None:
            answer = str(uuid4())
            self.server.log.add(delivery_of_json(letter))
            if key:
                self.server.by_key[key] = answer
        self.server.on_stage("taken", to)
        if wish == "silent":
            self.server.closing.wait()
        if wish in ("silent", "dropafterdata"):
            self._hang_up()
        elif wish in LIES:
            self._refuse(LIES[wish], "internal_server_error", "")
        elif wish == "garbage":
            self._answer(200, "<html>banana")
        elif wish == "halfreply":
            self._answer(200, '{"id": "', length=200)
            self._hang_up()
        else:
            self._answer(200, json.dumps({"id": answer}))
            if wish == "closeafter250":
                self._hang_up()

    def _refuse(self, status: int, name: str, retry_after: str) -> None:
        self._answer(
            status, json.dumps({"statusCode": status, "name": name, "message": "no"}), retry_after=retry_after
        )

    def _answer(self, status: int, body: str, *, length: int | None = None, retry_after: str = "") -> None:
        content = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length or len(content)))
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def _hang_up(self) -> None:
        self.close_connection = True

    def log_message(self, *args: Any) -> None:
        """Nobody reads it."""


@contextmanager
def esp(log: DeliveryLog) -> Iterator[ESP]:
    server = ESP(log)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
