"""What may lie in the project, and what may not be written in it."""

from __future__ import annotations

import re

from tests.project.files import ROOT, project_files, text_of

TOP_LEVEL = {
    ".ci", ".editorconfig", ".gitattributes", ".gitignore", "CHANGELOG.md", "LICENSE", "Makefile", "README.md", "benchmarks",
    "demo_shop", "docs", "manage.py", "pyproject.toml", "requirements", "templates", "tests", "triggers",
}  # fmt: skip
MOST_BYTES = 1_000_000
# Written in pieces, so that this file does not hold what it forbids.
FORBIDDEN = {
    "work left undone": r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b",
    "a path of one machine": r"(?<![\w.])/(?:wo" + r"rk|ro" + r"ot|ho" + r"me/\w+|Us" + r"ers)/",
    "a scratch path": r"(?<![\w.])/tm" + r"p/",
    "a package index": r"python" + r"hosted\.org|py" + r"pi\.org/simple|--(?:extra-)?index" + r"-url[ =]http",
}


def test_the_top_level_holds_what_it_should_and_nothing_else() -> None:
    assert {path.parts[0] for path in project_files()} == TOP_LEVEL


def test_no_file_holds_what_must_not_be_committed() -> None:
    found = [
        f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {match.group()} ({what})"
        for path in project_files()
        if "vendor" not in path.parts and (text := text_of(path)) is not None
        for what, pattern in FORBIDDEN.items()
        for match in re.finditer(pattern, text)
    ]
    assert not found, "\n".join(found)


def test_no_file_is_huge() -> None:
    assert not [str(path) for path in project_files() if (ROOT / path).stat().st_size > MOST_BYTES]


def test_text_files_are_clean() -> None:
    """Unix line ends and one at the end of the file, as .editorconfig asks."""
    texts = {path: text for path in project_files() if (text := text_of(path))}
    assert not [str(path) for path, text in texts.items() if "\r" in text or not text.endswith("\n")]


def test_the_licence_is_ours() -> None:
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "BSD 3-Clause" in licence
    assert "django-trigger-chains contributors" in licence
