"""The commands that the documents name exist, and the files that run them are sound."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest
from django.core.management import get_commands

from tests.project.files import ROOT, project_files, text_of

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
MAKE_VARIABLES = {
    "MAKEFLAGS",
    "MFLAGS",
    "MAKEOVERRIDES",
    "MAKELEVEL",
    "ARGS",
    "NAME",
    "MINUTES",
    "PORT",
    "WAIT_SCALE",
}
DOCUMENTS = [path for path in project_files() if path.suffix == ".md"]
# Commands are written as code, in a line of a block or between backticks.
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)


def commands_in_documents(pattern: str) -> set[tuple[str, str]]:
    return {
        (str(path), match)
        for path in DOCUMENTS
        for code in CODE.findall(text_of(path) or "")
        for match in re.findall(pattern, code)
    }


def test_the_two_commands_open_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in readme
    assert "make test" in readme


def test_every_make_target_named_in_a_document_exists() -> None:
    named = commands_in_documents(r"(?:^|[`\n$ ])make ([a-z]+)")
    assert not {(path, target) for path, target in named if target not in TARGETS}


def test_every_management_command_named_in_a_document_exists() -> None:
    named = commands_in_documents(r"manage\.py ([a-z_]+)")
    assert not {(path, command) for path, command in named if command not in get_commands()}


def test_help_lists_every_target() -> None:
    listed = set(re.findall(r"^([a-z]+):.*## ", MAKEFILE, re.MULTILINE))
    assert listed == TARGETS


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["demo"], "manage.py demo"),
        (["demo", "PORT=8123", "WAIT_SCALE=0.01"], "manage.py demo --port 8123 --wait-scale 0.01"),
        (["test", "ARGS=--only sqlite"], "-m tests --only sqlite"),
        (["bench", "NAME=turn"], "-m benchmarks turn"),
        (["soak", "MINUTES=30"], "-m tests.faults.soak 30"),
    ],
)
def test_a_target_runs_its_command(arguments: list[str], command: str) -> None:
    # Not what the `make test` around us was called with.
    inherited = {name: value for name, value in os.environ.items() if name not in MAKE_VARIABLES}
    shown = subprocess.run(
        ["make", "--dry-run", *arguments], cwd=ROOT, env=inherited, capture_output=True, text=True
    )
    assert shown.returncode == 0, shown.stderr
    assert " ".join(shown.stdout.split()).endswith(command)


def test_the_ci_script_is_valid_shell() -> None:
    assert subprocess.run(["bash", "-n", ".ci/run"], cwd=ROOT, capture_output=True).stderr == b""
