"""Named places where a test may let this process die on the spot, as a power cut would.

`TRIGGERS_CRASH_AT=send.after_call:3` kills the process the third time it comes by `send.after_call`. The variable is read
once, when the process starts; nothing else arms a point: no setting, no request, no row of a table.
"""

from __future__ import annotations

import os
import threading

VARIABLE = "TRIGGERS_CRASH_AT"
# What a shell reports for a process that was killed with SIGKILL.
EXIT_STATUS = 137


def crash_point(name: str) -> None:
    """A dictionary look-up, unless this very point is armed."""
    if name in _armed:
        _come_by(name)


def _come_by(name: str) -> None:
    """Count down; at nought the process ends without any farewell: no rollback, no `finally`, no flush."""
    with _lock:
        _armed[name] -= 1
        is_now = _armed[name] == 0
    if is_now:
        os.write(2, f"crash point {name}\n".encode())
        os._exit(EXIT_STATUS)


def _read(text: str) -> dict[str, int]:
    """`{name: passes until it strikes}` from `name` or `name:times`. Raises ValueError for anything else."""
    name, _, times = text.strip().partition(":")
    return {name: int(times or 1)} if name else {}


_lock = threading.Lock()
_armed: dict[str, int] = _read(os.environ.get(VARIABLE, ""))
