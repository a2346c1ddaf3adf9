"""The crash points and the commit boundaries that stand in the code, read from it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.project.files import ROOT

# Rooms whose commits may not come without a crash point.
GUARDED = (
    "engine",
    "delivery",
    "tracking",
    "capturing.py",
    "batch",
    "api",
    "consent.py",
    "tasks.py",
    "workload.py",
)
# The marketer's draft: nothing runs by it before it is published.
UNGUARDED = {"draft.py"}


@cache
def crash_points() -> dict[str, list[str]]:
    """Places of each point, as `file:line`. Raises ValueError for a name that is not written out."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "triggers").rglob("*.py")):
        for node in ast.walk(_tree(path)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "crash_point"
            ):
                place = f"{path.relative_to(ROOT)}:{node.lineno}"
                found.setdefault(_name(node, place), []).append(place)
    return found


def functions_that_commit() -> Iterator[tuple[str, bool]]:
    """Guarded functions that open a transaction, as `file:name`, and whether they hold a crash point."""
    for room in GUARDED:
        folder = ROOT / "triggers" / room
        for path in sorted(folder.rglob("*.py")) if folder.is_dir() else [folder]:
            for node in ast.walk(_tree(path)):
                if (
                    isinstance(node, ast.FunctionDef)
                    and _calls(node, "atomic")
                    and path.name not in UNGUARDED
                ):
                    yield f"{path.relative_to(ROOT / 'triggers')}:{node.name}", _calls(node, "crash_point")


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _name(call: ast.Call, place: str) -> str:
    if len(call.args) == 1 and isinstance(call.args[0], ast.Constant):
        return str(call.args[0].value)
    raise ValueError(f"{place}: a crash point is named by a literal")


def _calls(function: ast.FunctionDef, name: str) -> bool:
    return any(
        (isinstance(node, ast.Name) and node.id == name)
        or (isinstance(node, ast.Attribute) and node.attr == name)
        for node in ast.walk(function)
    )
