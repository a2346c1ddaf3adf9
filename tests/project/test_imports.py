"""The rooms' import rules hold, and the core stays pure."""

from __future__ import annotations

import ast
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter import cli

from tests.project.files import ROOT, project_files

# The core may word a reason and format a date; of Django that is all.
DJANGO_OF_THE_CORE = {
    "django.utils.translation",
    "django.utils.formats",
    "django.utils.timezone",
    "django.utils.functional",
}
IMPURE = {"asyncio", "io", "logging", "multiprocessing", "os", "pathlib", "random", "secrets", "shutil", "socket", "subprocess",
          "tempfile", "threading", "time", "urllib", "uuid"}  # fmt: skip
CLOCKS = {"now", "utcnow", "today", "localdate"}
CORE = [path for path in project_files() if path.parts[:2] == ("triggers", "core") and path.suffix == ".py"]


@pytest.fixture
def loggers_stay_on() -> Iterator[None]:
    """import-linter sets logging up anew, which switches off every logger there is, for all tests after it."""
    before = {name: logging.getLogger(name).disabled for name in logging.root.manager.loggerDict}
    yield
    for name, was_disabled in before.items():
        logging.getLogger(name).disabled = was_disabled


def test_contracts(monkeypatch: pytest.MonkeyPatch, loggers_stay_on: None) -> None:
    monkeypatch.chdir(ROOT)
    assert cli.lint_imports(no_cache=True, no_logo=True) == 0, "see `make lint`"


@pytest.mark.parametrize("path", CORE, ids=str)
def test_the_core_imports_no_tables_and_does_no_io(path: Path) -> None:
    impure = {
        name
        for name in imported(path)
        if name.partition(".")[0] in IMPURE or (name.startswith("django") and name not in DJANGO_OF_THE_CORE)
    }
    assert not impure


@pytest.mark.parametrize("path", CORE, ids=str)
def test_the_core_has_no_clock(path: Path) -> None:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert not [
        f"line {call.lineno}" for call in calls if isinstance(call, ast.Attribute) and call.attr in CLOCKS
    ]


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names
