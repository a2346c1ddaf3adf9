"""The wheel that a shop installs is complete, and holds the app alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.project.files import ROOT, project_files


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return next(folder.glob("*.whl"))


def test_it_holds_every_file_of_the_app_and_nothing_else(wheel: Path) -> None:
    """Code, migrations, templates, scripts and compiled languages alike."""
    ours = {str(path) for path in project_files() if path.parts[0] == "triggers"}
    packed = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == ours


def test_it_ships_its_types_and_its_licence(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    assert "triggers/py.typed" in names
    assert [name for name in names if name.endswith("licenses/LICENSE")]


def test_languages_are_compiled() -> None:
    sources = [path for path in project_files() if path.suffix == ".po"]
    missing = [str(path) for path in sources if path.with_suffix(".mo") not in project_files()]
    assert not missing, f"run `django-admin compilemessages`: {missing}"
