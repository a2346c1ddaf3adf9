"""The memory that a process holds."""

from __future__ import annotations

import os
from pathlib import Path


def resident_kilobytes() -> int:
    """Resident set of this process now: a task for a worker. Reads Linux's /proc."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024
