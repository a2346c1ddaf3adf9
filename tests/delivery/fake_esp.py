"""The HTTP API of a mail provider, as far as Anymail's Resend and Brevo backends use it; a real server on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply. `length` lies about the body's; `hangs` waits for the end of the test, `closes` says nothing at all."""

    status: int = 200
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    hangs: bool = False
    closes: bool = False


# What comes in, by the place where each provider puts it.
KEYS: dict[str, Callable[[Any, Any], str]] = {
    "resend": lambda headers, body: headers.get("Idempotency-Key", ""),
    "brevo": lambda headers, body: body["headers"].get("idempotencyKey", ""),
}


class FakeESP:
    """Takes letters and remembers their keys as the provider does. `script` holds the answers to come, used one by one;
    an answer with `is_taken` beside it comes after the letter was taken."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.taken: list[dict[str, Any]] = []
        self.requests = 0
        self.script: list[tuple[Answer, bool]] = []
        self.known: dict[str, tuple[str, str]] = {}
        self._lock = threading.Lock()
        self.over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def answers(self, answer: Answer, *, is_taken: bool = False, times: int = 1) -> None:
        self.script += [(answer, is_taken)] * times

    def stop(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def receive(self, headers: Any, text: str) -> Answer:
        with self._lock:
            self.requests += 1
            answer, is_taken = self.script.pop(0) if self.script else (None, True)
            usual = self._take(headers, text) if is_taken else Answer()
            return answer or usual

    def _take(self, headers: Any, text: str) -> Answer:
        body = json.loads(text)
        key = KEYS[self.name](headers, body)
        if key in self.known:
            return self._repeat(key, text)
        number = f"id-{len(self.taken) + 1}"
        self.taken.append(body)
        if key:
            self.known[key] = (text, number)
        return self._success(number)

    def _success(self, number: str) -> Answer:
        return Answer(200, json.dumps({"id": number} if self.name == "resend" else {"messageId": number}))

    def _repeat(self, key: str, text: str) -> Answer:
        first, number = self.known[key]
        if self.name == "brevo":
            return Answer(400, json.dumps({"code": "duplicate_parameter", "message": "…"}))
        if first == text:
            return self._success(number)
        return Answer(409, json.dumps({"name": "invalid_idempotent_request", "message": "…"}))


def _handler(esp: FakeESP) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"])).decode()
            answer = esp.receive(self.headers, text)
            if answer.hangs:
                esp.over.wait()
            if answer.hangs or answer.closes:
                self.close_connection = True
                return
            body = answer.body.encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) if answer.length is None else answer.length))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its base names it so
            """Nothing on the terminal."""

    return Handler
