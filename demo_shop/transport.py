"""A message broker made of files, for a demo that needs no server: kombu's own file transport, made safe.

kombu's `filesystem://` writes a message under its final name, so a worker can read a half-written one and dies of it
(celery/kombu#1551, open since 2022). Here a message gets its name when it is whole, and a consumer takes it by
renaming it: both are atomic. One machine, one disk; a shop uses Redis or RabbitMQ.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps, loads

SCHEME = "renamedfiles"


class Channel(filesystem.Channel):
    """`data_folder_in` and `data_folder_out` are one folder here: there is one side only."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.folder = Path(self.data_folder_in)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.control_folder.mkdir(parents=True, exist_ok=True)

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]
        # Nobody looks at a name that does not end in ".<queue>.msg".
        unfinished = self.folder / f"{uuid.uuid4()}.unfinished"
        unfinished.write_text(dumps(payload))
        unfinished.rename(self.folder / f"{time.time_ns():020}_{uuid.uuid4()}.{queue}.msg")

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        """The oldest message. A consumer that is killed right here loses it, as with kombu's own transport."""
        for name in sorted(path.name for path in self.folder.iterdir()):
            if name.partition(".")[2] != f"{queue}.msg":
                continue
            taken = self.folder / f"{name}.taken"
            try:
                (self.folder / name).rename(taken)
            except FileNotFoundError:
                continue
            payload = taken.read_text()
            taken.unlink()
            return loads(payload)
        raise Empty

    # The table of queues is truncated and rewritten in place: without a lock of its own a reader may find it empty.

    def get_table(self, exchange: str) -> list[Any]:
        with self._table_locked():
            return super().get_table(exchange)

    def _queue_bind(self, *args: Any) -> None:
        with self._table_locked():
            super()._queue_bind(*args)

    def _delete(self, *args: Any, **kwargs: Any) -> None:
        with self._table_locked():
            super()._delete(*args, **kwargs)

    @contextmanager
    def _table_locked(self) -> Iterator[None]:
        with (self.control_folder / "table.lock").open("ab") as file:
            filesystem.lock(file, filesystem.LOCK_EX)
            try:
                yield
            finally:
                filesystem.unlock(file)


class Transport(filesystem.Transport):
    Channel = Channel
    driver_type = driver_name = SCHEME


def register() -> None:
    """Make `renamedfiles://` a broker address. A dotted path in the address would be lower-cased by kombu."""
    TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"
