"""Which rows of the list of faults have tests, read from the marks `@pytest.mark.fault(…)`, and what is still missing.

`python -m tests.faults.covered` writes the table into README.md; a test compares the two.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parent
README = FOLDER / "README.md"
BEGINS, ENDS = "<!-- table -->\n", "<!-- end of table -->\n"

FAULTS = {
    "F1": "web process killed between the shop's commit and anything after it",
    "F2": "the shop's transaction, or a savepoint in it, rolled back",
    "F3": "broker down, half-open, full, emptied",
    "F4": "worker killed at every window",
    "F5": "child killed for memory, time limits, one task for each child",
    "F6": "the same task several times at once",
    "F7": "database cut in the commit, restarted, out of connections, deadlocked, timed out, read-only",
    "F8": "disk full",
    "F9": "SMTP 4yz",
    "F10": "SMTP 5yz",
    "F11": "silence, garbage, half a reply, no TLS, a connection lost at each stage",
    "F12": "HTTP 429, 5xx, lies, silence, the day's quota",
    "F13": "one bad address among others",
    "F14": "two beats, none, stopped for hours",
    "F15": "wrong clocks",
    "F16": "daylight saving, unknown zones, 29 February, year's end",
    "F17": "reports again, in disorder, late, early, forged, of nobody",
    "F18": "poison events, templates and versions",
    "F19": "deployment: SIGTERM, then SIGKILL; old and new workers, bells of another release, a migration",
    "F20": "chain edited, paused or released while people wait",
    "F21": "refusal, purchase or erasure between the queue and the door",
    "F22": "two contacts become one",
    "F23": "import and campaign at once, one contact with very many events",
    "F24": "event storm",
    "F25": "restored backup",
    "F26": "provider's account revoked",
    "F27": "outage, then recovery",
    "F28": "a letter that takes for ever to render",
}
# What the promise says and no test here shows, because it is not built yet or cannot be done on one machine.
MISSING = {
    "F8": "media: nothing of ours is written there",
    "F10": "nothing: where the list pauses the chain, the whole lane is closed, so no chain's letters leave",
    "F20": "moving people to the new version",
    "F23": "an import of a million rows, which is not built yet; contacts of a flooder's own shard, one in 64, wait behind it",
    "F25": "the backup is of our tables: the shop's own are taken for whole",
}


def by_fault() -> dict[str, list[str]]:
    """Tests of each fault as `module: test` or `module: class`, in the order of the files."""
    found: dict[str, list[str]] = {name: [] for name in FAULTS}
    for path in sorted(FOLDER.glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            for fault in _faults(node):
                found.setdefault(fault, []).append(f"{path.stem}: {getattr(node, 'name', '')}")
    return {fault: list(dict.fromkeys(tests)) for fault, tests in found.items()}


def _faults(node: ast.AST) -> Iterator[str]:
    """What the marks of a test, or of a class and the tests in it, name."""
    if not isinstance(node, ast.FunctionDef | ast.ClassDef):
        return
    for inner in ast.walk(node):
        if (
            isinstance(inner, ast.Call)
            and isinstance(inner.func, ast.Attribute)
            and inner.func.attr == "fault"
        ):
            yield from (str(argument.value) for argument in inner.args if isinstance(argument, ast.Constant))


def table() -> str:
    lines = ["| # | fault | tests | not covered |", "|---|---|---|---|"]
    for fault, tests in by_fault().items():
        shown = "<br>".join(f"`{one}`" for one in tests) or "none"
        lines.append(f"| {fault} | {FAULTS[fault]} | {shown} | {MISSING.get(fault, '')} |")
    return "\n".join(lines) + "\n"


def with_table(text: str) -> str:
    """The document with the table as it is now."""
    before, _, rest = text.partition(BEGINS)
    return before + BEGINS + table() + ENDS + rest.partition(ENDS)[2]


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
