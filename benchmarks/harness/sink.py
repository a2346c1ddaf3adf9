"""A mail server and a provider's HTTP API on loopback, in a process of their own, that take every letter.

Both do as little as the protocol allows, so that they cost the senders as little of the machine as can be.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

# Seconds between an API call and its answer.
API_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Taken:
    """One letter as the sink got it: to whom, when (seconds of the machine's monotonic clock), how long it was."""

    recipient: str
    at: float
    size: int


class Sink:
    """The handle of a sink's process: where it listens, and what it took since it was last asked."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self.smtp_port, self.api_port = pipe.recv()

    def take(self) -> list[Taken]:
        self._pipe.send("take")
        taken: list[Taken] = self._pipe.recv()
        return taken

    def smtp_account(self) -> dict[str, Any]:
        """An alias of EMAIL_ACCOUNTS that sends here by SMTP."""
        options = {"host": "127.0.0.1", "port": self.smtp_port, "timeout": 30}
        return {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": options}

    def api_account(self) -> dict[str, Any]:
        """An alias of EMAIL_ACCOUNTS that sends here through Anymail, as to Brevo."""
        options = {"api_key": "none", "api_url": f"http://127.0.0.1:{self.api_port}/v3/"}
        return {"BACKEND": "anymail.backends.brevo.EmailBackend", "OPTIONS": options}

    def smtp_settings(self) -> dict[str, Any]:
        """The same for programs that only know Django's own settings."""
        return {"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": self.smtp_port, "EMAIL_TIMEOUT": 30}

    def api_settings(self) -> dict[str, Any]:
        options = self.api_account()["OPTIONS"]
        return {"ANYMAIL": {"BREVO_API_KEY": options["api_key"], "BREVO_API_URL": options["api_url"]}}


@contextmanager
def sink() -> Iterator[Sink]:
    """A sink that listens, ended with the block."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        yield Sink(ours)
    finally:
        ours.close()
        process.join(10)


def _serve(pipe: Connection) -> None:
    asyncio.run(_listen(pipe))


async def _listen(pipe: Connection) -> None:
    loop, taken, is_over = asyncio.get_running_loop(), list[Taken](), asyncio.Event()

    def answer() -> None:
        try:
            pipe.recv()
        except EOFError:
            is_over.set()
            return
        pipe.send(taken)
        taken.clear()

    def note(recipient: str, size: int) -> None:
        taken.append(Taken(recipient, time.monotonic(), size))

    servers = [
        await loop.create_server(lambda kind=kind: kind(note), "127.0.0.1", 0, backlog=200)  # type: ignore[misc]
        for kind in (SMTPTalk, APITalk)
    ]
    loop.add_reader(pipe.fileno(), answer)
    pipe.send([server.sockets[0].getsockname()[1] for server in servers])
    await is_over.wait()
    loop.remove_reader(pipe.fileno())


Note = Callable[[str, int], None]


class SMTPTalk(asyncio.Protocol):
    """RFC 5321 for a client that makes no mistakes."""

    END = b"\r\n.\r\n"

    def __init__(self, note: Note) -> None:
        self.note = note
        self.heard = bytearray()
        self.is_data = False
        self.recipient = ""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        self.heard += data
        mark = self.END if self.is_data else b"\r\n"
        while (end := self.heard.find(mark)) >= 0:
            part = bytes(self.heard[:end])
            del self.heard[: end + len(mark)]
            self.transport.write(self._answer(part))
            mark = self.END if self.is_data else b"\r\n"

    def _answer(self, part: bytes) -> bytes:
        if self.is_data:
            self.is_data = False
            self.note(self.recipient, len(part))
            return b"250 taken\r\n"
        match part[:4].upper():
            case b"RCPT":
                self.recipient = part[part.find(b"<") + 1 : part.find(b">")].decode()
            case b"DATA":
                self.is_data = True
                return b"354 go on\r\n"
            case b"QUIT":
                return b"221 bye\r\n"
        return b"250 ok\r\n"


class APITalk(asyncio.Protocol):
    """HTTP/1.1 as `requests` speaks it to https://developers.brevo.com/reference/sendtransacemail (read 2026-11-23).

    Every call is answered after API_SECONDS, however many come at once; the letter counts as taken when it has come.
    """

    def __init__(self, note: Note) -> None:
        self.note = note
        self.heard = bytearray()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.heard += data
        head_end = self.heard.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = bytes(self.heard[:head_end]).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(self.heard) < head_end + 4 + length:
            return
        body = bytes(self.heard[head_end + 4 :])
        self.heard.clear()
        self.note(json.loads(body)["to"][0]["email"], len(body))
        asyncio.get_running_loop().call_later(API_SECONDS, self._answer)

    def _answer(self) -> None:
        body = b'{"messageId":"<taken@sink>"}'
        head = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(
            body
        )
        self.transport.write(head + body)
