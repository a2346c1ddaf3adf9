"""requirements/dev.txt answers for everything pyproject.toml asks for, and names no place to get it from."""

from __future__ import annotations

import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.project.files import ROOT

PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^ ;\\]+)", re.MULTILINE)
LOCK = (ROOT / "requirements/dev.txt").read_text(encoding="utf-8")


def asked_for() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *(line for extra in project["project"]["optional-dependencies"].values() for line in extra),
        *project["dependency-groups"]["dev"],
    ]
    return [Requirement(line) for line in lines]


def test_every_requirement_is_pinned_within_its_range() -> None:
    pins: dict[str, set[str]] = {}
    for pin in PIN.finditer(LOCK):
        pins.setdefault(canonicalize_name(pin["name"]), set()).add(pin["version"])
    unmet = [
        str(requirement)
        for requirement in asked_for()
        if not pins.get(canonicalize_name(requirement.name))
        or not all(
            requirement.specifier.contains(version, prereleases=True)
            for version in pins[canonicalize_name(requirement.name)]
        )
    ]
    assert not unmet, f"run `make lock`: {unmet}"


def test_every_pin_has_hashes() -> None:
    blocks = re.split(r"\n(?=\S)", LOCK.strip())
    assert not [
        block.splitlines()[0]
        for block in blocks
        if not block.startswith("#") and "--hash=sha256:" not in block
    ]


def test_it_names_no_index() -> None:
    assert "://" not in LOCK
    assert not re.search(r"^\s*(-i|-f|--index|--extra|--find|--trusted)", LOCK, re.MULTILINE)


def test_users_get_ranges_with_both_ends() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for line in project["dependencies"]:
        operators = {specifier.operator for specifier in Requirement(line).specifier}
        assert operators == {">=", "<"}, line
