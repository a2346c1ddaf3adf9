"""One demo per folder: two would share database and broker, and each would wait at its own pace."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Any

ELSEWHERE = "make demo DEMO_DIR=.demo-2 PORT=8123"


class FolderTaken(Exception):
    """Says in one line who works in the folder, how to stop them, and how to take another folder."""


class FolderLock:
    """Held by the command and by every program that inherits the descriptor: free means that nobody is left.

    The file names the command's process in its first line and one process group in each of the others.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> FolderLock:
        self._file = (self._folder / "demo.lock").open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with self._file:
                raise FolderTaken(self._who_has_it()) from None
        self._file.truncate(0)
        self.note(os.getpid())
        return self

    def __exit__(self, *error: Any) -> None:
        self._file.close()

    def fileno(self) -> int:
        """The descriptor to hand on to a program."""
        return self._file.fileno()

    def note(self, number: int) -> None:
        """Write down a program's process group."""
        self._file.write(f"{number}\n")
        self._file.flush()

    def _who_has_it(self) -> str:
        self._file.seek(0)
        numbers = [int(line) for line in self._file.read().split()]
        command, groups = numbers[:1], [group for group in numbers[1:] if _is_alive(-group)]
        if groups and not _is_alive(*command):
            who = "A demo that was killed has left programs running"
            # The program alone, which ends its own children in order; all of the group when it is gone itself.
            stop = f"kill -- {' '.join(str(group if _is_alive(group) else -group) for group in groups)}"
        else:
            who = "A demo is already running"
            stop = " ".join(["Ctrl-C in its terminal", *(f"or kill {pid}" for pid in command)])
        return f"{who} in {self._folder}. Stop it with: {stop}. Or choose another folder: {ELSEWHERE}"


def _is_alive(number: int) -> bool:
    """Whether there is such a process or, below zero, anybody in that process group."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
