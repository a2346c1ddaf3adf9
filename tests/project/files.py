"""What the project consists of: the files git knows or would add, or, outside a clone, everything not ignored."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOT_OURS = {".git", ".venv", "__pycache__", "dist", "build", ".demo", "htmlcov", "staticfiles"}


@cache
def project_files() -> tuple[Path, ...]:
    """Paths relative to the project's root, sorted; nothing that is ignored, built or deleted."""
    # A clone made by another user is still this project: git's ownership check is about running hooks.
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "-co", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return tuple(sorted(_walk()))
    names = (Path(os.fsdecode(name)) for name in listed.split(b"\0") if name)
    return tuple(sorted(name for name in names if (ROOT / name).is_file()))


def _walk() -> list[Path]:
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [
            name for name in folders if name not in NOT_OURS and not name.endswith(("_cache", ".egg-info"))
        ]
        here = Path(folder).relative_to(ROOT)
        found += [
            here / name for name in names if not name.startswith(".coverage") and not name.endswith(".pyc")
        ]
    return found


@cache
def text_of(path: Path) -> str | None:
    """The file's text; None when it is not text."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
