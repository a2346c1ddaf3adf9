"""The documents and the code say the same: settings, checks, kinds, variables, files and addresses."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from django.core.management import get_commands
from django.utils.text import capfirst, slugify
from PIL import Image

from tests.docs.foreign import DOCUMENTS
from tests.project.files import ROOT
from triggers.accounts import lane_names
from triggers.conditions import conditions
from triggers.conf import Settings
from triggers.content.filters import LIBRARY, TRAITS
from triggers.content.variables import LETTER_VARIABLES
from triggers.core.events import STANDARD_EVENTS
from triggers.entries.event import REENTRY_LABELS
from triggers.models import Heartbeat, Journey, MessageState, Suppression
from triggers.steps import steps

TEXTS = {path: path.read_text(encoding="utf-8") for path in DOCUMENTS}
LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#+ (?P<text>.+)$", re.MULTILINE)
CODE = re.compile(r"`(?P<code>[^`\n]+)`")
# Names with a capital and an underscore that are Django's, Anymail's, the environment's or an example's.
NOT_OURS = {
    *("EMAIL_BACKEND", "DEFAULT_FROM_EMAIL", "EMAIL_TIMEOUT", "TIME_ZONE", "LANGUAGE_CODE", "SECRET_KEY"),
    *("SECRET_KEY_FALLBACKS", "USE_TZ", "INSTALLED_APPS", "REQUESTS_TIMEOUT", "CSRF_TRUSTED_ORIGINS"),
}


def doc(name: str) -> str:
    return TEXTS[ROOT / "docs" / name]


def codes(text: str) -> set[str]:
    return {match["code"] for match in CODE.finditer(text)}


def anchors(path: Path) -> set[str]:
    """What a link into the document may name after #, as the usual renderers make it from headings."""
    headings = HEADING.finditer(path.read_text(encoding="utf-8"))
    return {slugify(heading["text"].replace(".", "").replace("`", "")) for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for match in LINK.finditer(TEXTS[path]):
        target, _, anchor = match["target"].partition("#")
        if target.startswith("http"):
            continue
        file = (path.parent / target).resolve() if target else path
        assert file.exists(), f"{path.name}: {match['target']}"
        assert not anchor or anchor in anchors(file), f"{path.name}: {match['target']}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_are_named_exist(path: Path) -> None:
    if path.name == "development.md":
        return
    named = re.findall(
        r"`((?:tests|docs|triggers|demo_shop|requirements|benchmarks|\.ci)/[\w./]*)`", TEXTS[path]
    )
    assert [one for one in named if not (ROOT / one).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_settings_that_are_named_exist(path: Path) -> None:
    if path.name == "development.md":
        return
    named = {one for one in codes(TEXTS[path]) if re.fullmatch(r"[A-Z]+(_[A-Z]+)+", one)}
    assert named - NOT_OURS <= Settings.names()


def test_every_command_of_ours_is_told() -> None:
    ours = {name for name, app in get_commands().items() if app == "triggers"}
    told = {name for text in TEXTS.values() for name in re.findall(r"manage\.py (\w+)", text)}
    assert ours <= told


def test_every_setting_has_its_line_with_the_default() -> None:
    rows = dict(
        re.findall(r"^\| `([A-Z_]+)` \| [^|]+ \| `([^`]+)` \| .+\|$", doc("settings.md"), re.MULTILINE)
    )
    assert {name: ast.literal_eval(default) for name, default in rows.items()} == {
        name: getattr(Settings, name) for name in Settings.names()
    }


def test_every_check_has_its_paragraph() -> None:
    given = set(re.findall(r"id=\"(triggers\.[EW]\d{3})\"", (ROOT / "triggers/checks.py").read_text()))
    assert set(re.findall(r"^### (\S+)$", doc("checks.md"), re.MULTILINE)) == given


def test_every_line_of_the_log_is_told_with_its_level() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "triggers").rglob("*.py")))
    written = re.findall(r"\bnote\(\s*logger,\s*logging\.([A-Z]+),\s*\"([^\"]+)\"", code)
    assert len(written) == len(re.findall(r"\bnote\(\s*logger,", code)), "an action that is no literal"
    rows = re.findall(r"^\| (DEBUG|INFO|WARNING|ERROR)[^|]* \| (.+) \|$", doc("operations.md"), re.MULTILINE)
    assert {(level, action) for level, actions in rows for action in codes(actions)} == set(written)


def test_every_state_and_lane_is_explained() -> None:
    rows = dict(re.findall(r"^\| `([a-z]+)` \| ([^|]+) \|", doc("sending.md"), re.MULTILINE))
    assert rows == {state.value: str(state.label) for state in MessageState}
    assert set(lane_names()) <= codes(doc("sending.md"))


def test_every_tag_filter_and_variable_is_listed() -> None:
    text = doc("letters.md")
    assert set(TRAITS) <= codes(text)
    assert all(f"{{% {tag}" in text for tag in LIBRARY.tags)
    paths = {one.path for one in LETTER_VARIABLES.listed() if "[]." not in one.path}
    assert paths <= codes(text)
    items = {one.path.rpartition(".")[2] for one in LETTER_VARIABLES.listed() if "[]." in one.path}
    assert items <= codes(text)


def test_every_event_we_know_is_listed() -> None:
    assert set(STANDARD_EVENTS) <= codes(doc("events.md"))


def test_every_kind_is_in_the_marketers_page() -> None:
    text = doc("chains.md")
    groups = {"all", "any", "none"}
    labels = {str(kind.label) for kind in (*steps, *conditions) if kind.key not in groups and _is_ours(kind)}
    assert {label for label in labels if label not in text} == set()
    assert {str(label) for label in REENTRY_LABELS.values() if str(label) not in text} == set()


def _is_ours(kind: object) -> bool:
    return type(kind).__module__.startswith("triggers.")


def test_the_admin_calls_its_pages_so() -> None:
    pages = {
        "README.md": Heartbeat,
        "docs/operations.md": Heartbeat,
        "docs/sending.md": Suppression,
        "docs/chains.md": Journey,
    }
    for path, model in pages.items():
        assert f"**{capfirst(str(model._meta.verbose_name_plural))}**" in TEXTS[ROOT / path]


def test_pictures_are_there_and_small() -> None:
    pictures = sorted((ROOT / "docs/images").glob("*.png"))
    assert pictures
    for path in pictures:
        assert path.stat().st_size < 150_000, path.name
        with Image.open(path) as picture:
            assert picture.width <= 1280
    told = "".join(TEXTS.values())
    assert [path.name for path in pictures if path.name not in told] == []


def test_the_changelog_begins_with_what_is_not_released() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## \[(.+?)\]", changes, re.MULTILINE)[0] == "Unreleased"
