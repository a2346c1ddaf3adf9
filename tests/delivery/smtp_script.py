"""An SMTP server that follows a script, down to answers that no server should give."""

from __future__ import annotations

import socket
import threading
from typing import Any

CLOSE, SILENCE, GARBAGE, ENDLESS = "close", "silence", "garbage", "endless"

USUAL = {
    "connect": "220 hello",
    "ehlo": "250-script\r\n250 AUTH PLAIN",
    "helo": "250 script",
    "auth": "235 welcome",
    "mail": "250 OK",
    "rcpt": "250 OK",
    "data": "354 go ahead",
    "body": "250 OK",
    "rset": "250 OK",
    "quit": "221 bye",
}


class ScriptedSMTP:
    """Answers `usual[stage]`, but on its n-th connection what `scripts[n]` says for that stage; the last script stays.

    `taken` counts letters that came whole, `connections` those that were made.
    """

    def __init__(self, *scripts: dict[str, str]) -> None:
        self.scripts = scripts or ({},)
        self.taken = self.connections = 0
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self._threads[0].start()

    def stop(self) -> None:
        self._over.set()
        # Closing alone does not wake a thread that accepts.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in list(self._threads):
            thread.join()

    def _listen(self) -> None:
        while True:
            try:
                connection, _peer = self._listener.accept()
            except OSError:
                return
            script = self.scripts[min(self.connections, len(self.scripts) - 1)]
            self.connections += 1
            thread = threading.Thread(target=self._talk, args=(connection, script), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _talk(self, connection: socket.socket, script: dict[str, str]) -> None:
        with connection, connection.makefile("rb") as lines:
            try:
                if self._answer(connection, script, "connect"):
                    self._converse(connection, lines, script)
            except OSError:
                return

    def _converse(self, connection: socket.socket, lines: Any, script: dict[str, str]) -> None:
        for line in lines:
            stage = line.split()[0].decode("latin-1").lower()
            if not self._answer(connection, script, stage):
                return
            if stage == "data" and script.get(stage, USUAL[stage]).startswith("354"):
                while next(lines, b".\r\n") != b".\r\n":
                    pass
                self.taken += 1
                if not self._answer(connection, script, "body"):
                    return

    def _answer(self, connection: socket.socket, script: dict[str, str], stage: str) -> bool:
        """Whether the conversation goes on."""
        answer = script.get(stage, USUAL.get(stage, "502 what?"))
        if answer == SILENCE:
            self._over.wait()
        elif answer == GARBAGE:
            connection.sendall(b"\xff\x00 hm?\r\n")
        elif answer == ENDLESS:
            connection.sendall(b"2" * 20_000)
        elif answer != CLOSE:
            connection.sendall(answer.removesuffix(CLOSE).encode() + b"\r\n")
        return not answer.endswith((CLOSE, SILENCE)) and stage != "quit"
