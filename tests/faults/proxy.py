"""A wire that can be cut: a TCP proxy which goes silent, or loses an answer on its way back."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

CHUNK = 65_536


@dataclass(slots=True, eq=False)
class Wire:
    """One connection through the proxy."""

    client: socket.socket
    server: socket.socket
    # The client has sent what comes before the word; it has sent the word itself.
    is_near: bool = False
    is_losing: bool = False

    def end(self) -> None:
        for one in (self.client, self.server):
            _end(one)


class Proxy:
    """Passes bytes on between its own `port` and a server, until it is told otherwise."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        # How many connections it was asked for, and whether an answer has been lost.
        self.accepted = 0
        self.has_lost = threading.Event()
        self._is_silent = threading.Event()
        self._near, self._word = b"", b""
        self._wires: set[Wire] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def silence(self) -> None:
        """Connections stay open, and nothing passes any more."""
        self._is_silent.set()

    def speak(self) -> None:
        """End the connections that were silent; new ones are passed on."""
        self._is_silent.clear()
        self.cut()

    def cut(self) -> None:
        for wire in list(self._wires):
            wire.end()

    def lose_answer_to(self, word: bytes, *, after: bytes = b"") -> None:
        """Once: let a client's `word` through to the server, and cut the connection instead of the server's answer.

        With `after`, only a word that comes later on the same connection than that.
        """
        self.has_lost.clear()
        self._near, self._word = after, word

    def close(self) -> None:
        _end(self._listener)
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                self.accepted += 1
                try:
                    wire = Wire(client, socket.create_connection(self._server))
                except OSError:
                    client.close()
                    continue
                self._wires.add(wire)
                for pump in (self._ask, self._answer):
                    threading.Thread(target=pump, args=(wire,), daemon=True).start()

    def _ask(self, wire: Wire) -> None:
        with suppress(OSError):
            while data := wire.client.recv(CHUNK):
                if self._is_silent.is_set():
                    continue
                wire.is_near = wire.is_near or self._near in data
                if wire.is_near and self._word and self._word in data:
                    self._word, wire.is_losing = b"", True
                wire.server.sendall(data)
        self._forget(wire)

    def _answer(self, wire: Wire) -> None:
        with suppress(OSError):
            while data := wire.server.recv(CHUNK):
                if wire.is_losing:
                    self.has_lost.set()
                    break
                if not self._is_silent.is_set():
                    wire.client.sendall(data)
        self._forget(wire)

    def _forget(self, wire: Wire) -> None:
        wire.end()
        self._wires.discard(wire)


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


@contextmanager
def proxy(host: str, port: int) -> Iterator[Proxy]:
    one = Proxy(host, port)
    try:
        yield one
    finally:
        one.close()
