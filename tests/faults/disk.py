"""A disk so small that it can be filled."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

BLOCK = 65_536


class Disk:
    """A file system of its own; `folder` is where it is mounted."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Until not one byte more can be written."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (BLOCK, 1):
                with suppress(OSError):
                    while file.write(bytes(size)):
                        pass

    def free(self) -> None:
        self._ballast.unlink()


@contextmanager
def small_disk(megabytes: int) -> Iterator[Disk]:
    """One in memory, readable for every user; skips where mounting is not allowed."""
    with tempfile.TemporaryDirectory(prefix="triggers-disk-") as folder:
        Path(folder).chmod(0o755)
        options = ["-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", folder]
        done = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
        try:
            yield Disk(Path(folder))
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)
