"""What the world received: every letter that a sink took, kept so that no crash of ours can lose it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from email import message_from_bytes
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Delivery:
    """One letter taken; `uid` is our message's (hex), read from its Message-ID. `via` is the sink's protocol.

    A provider that knows a letter again by its key has taken it once, however often it was asked.
    """

    uid: str
    to: str
    subject: str
    via: str
    message_id: str = ""


class DeliveryLog:
    """A file with one line a letter, on the disk before the sink answers. Any process may read it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        path.touch()

    def add(self, delivery: Delivery) -> None:
        line = json.dumps(asdict(delivery)).encode() + b"\n"
        with self._lock, self.path.open("ab") as file:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def read(self) -> list[Delivery]:
        return [Delivery(**json.loads(line)) for line in self.path.read_text(encoding="utf-8").splitlines()]


def wish_of(address: str) -> str:
    """What the recipient's name asks the sink to do: `tempfail` for `tempfail-3@example.com`; "" for `3@example.com`."""
    word, dash, _number = address.partition("@")[0].partition("-")
    return word if dash else ""


def delivery_of_mail(content: bytes, recipients: Iterable[str]) -> Delivery:
    """A letter as it came over SMTP."""
    letter = message_from_bytes(content)
    return _delivery(letter["Message-ID"], recipients, str(letter["Subject"]), "smtp")


def delivery_of_json(letter: dict[str, Any]) -> Delivery:
    """A letter as it came over the HTTP API."""
    return _delivery(letter["headers"]["Message-ID"], letter["to"], letter["subject"], "api")


def _delivery(message_id: str, to: Iterable[str], subject: str, via: str) -> Delivery:
    uid = message_id.strip().lstrip("<").partition("@")[0]
    return Delivery(uid, ",".join(to), subject, via, message_id.strip())
