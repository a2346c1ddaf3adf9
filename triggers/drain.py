"""A process that was asked to stop takes nothing more up, and finishes what it holds."""

from __future__ import annotations

import mmap

# One byte of shared memory: a Celery worker is told to stop in its parent process, and its forked children do the work.
_flag = mmap.mmap(-1, 1)


def start_draining() -> None:
    """From here on turns and senders of this process, and of its children, end after what they hold. Safe in a signal handler."""
    _flag[0] = 1


def stop_draining() -> None:
    """A new run in the same process starts afresh."""
    _flag[0] = 0


def is_draining() -> bool:
    return bool(_flag[0])
