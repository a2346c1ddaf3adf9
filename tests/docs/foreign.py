"""A shop that has never heard of us, and the lines that the documents tell its owner to write."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.project.files import ROOT

DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
PYTHON_BLOCK = re.compile(r"^ *```python\n(?P<code>.*?)^ *```$", re.DOTALL | re.MULTILINE)
# The first line says which file it is; after a comma, for whom: `# mysite/settings.py, on PostgreSQL`.
FIRST_LINE = re.compile(r"# (?P<path>[\w/]+\.py)(?:, (?P<variant>[^\n]+))?\n")

# What the shop had before: a goods app with users' carts and orders.
MODELS = """
from django.conf import settings
from django.db import models


class Product(models.Model):
    sku = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=100)
    price = models.DecimalField(max_digits=10, decimal_places=2)


class CartLine(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    product = models.ForeignKey(Product, models.CASCADE)
    quantity = models.PositiveIntegerField(default=1)


class Order(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    email = models.EmailField()
    number = models.CharField(max_length=20)
    status = models.CharField(max_length=20, default="new")
    total = models.DecimalField(max_digits=10, decimal_places=2)


class OrderLine(models.Model):
    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, models.PROTECT)
    price = models.DecimalField(max_digits=10, decimal_places=2)
    quantity = models.PositiveIntegerField()
"""


@dataclass(frozen=True)
class Block:
    """A Python block of a document: which file it belongs to, and for whom it is meant ("" for everybody)."""

    document: str
    path: str
    variant: str
    code: str


def blocks_of(document: Path) -> list[Block]:
    """The document's Python blocks. Fails for one that does not say which file it is."""
    found = []
    for match in PYTHON_BLOCK.finditer(document.read_text(encoding="utf-8")):
        first = FIRST_LINE.match(match["code"])
        assert first, f"{document.name}: this block does not name its file:\n{match['code']}"
        found.append(Block(document.name, first["path"], first["variant"] or "", match["code"]))
    return found


def all_blocks() -> list[Block]:
    return [block for document in DOCUMENTS for block in blocks_of(document)]


class Project:
    """`django-admin startproject mysite` with an app `shop`, in a folder of the test's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = ("DJANGO_SETTINGS_MODULE", "TRIGGERS_TEST_DB", "TRIGGERS_TEST_DIR")
        self.environment = {name: value for name, value in os.environ.items() if name not in names}
        self.environment |= {"PYTHONWARNINGS": "default", "PYTHONDONTWRITEBYTECODE": "1"}
        self.run("-m", "django", "startproject", "mysite", ".")
        self.write("shop/__init__.py", "")
        self.write("shop/models.py", MODELS)
        self.write("mysite/settings.py", '\nINSTALLED_APPS += ["shop"]\n')

    def write(self, path: str, code: str) -> None:
        """Add to a file, as the documents say: below what is there."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as opened:
            opened.write(f"\n{code}")

    def follow(self, blocks: list[Block]) -> None:
        for block in blocks:
            self.write(block.path, block.code)

    def run(self, *arguments: str, code: str | None = None) -> str:
        """A Python process in the project's folder. Its output; fails with it when the process does."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environment,
            input=code,
            text=True,
            capture_output=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def manage(self, *arguments: str) -> str:
        return self.run("manage.py", *arguments)

    def shell(self, code: str) -> str:
        """Code inside the project, as a view of the shop would run it."""
        start = (
            "import django, os\nos.environ['DJANGO_SETTINGS_MODULE'] = 'mysite.settings'\ndjango.setup()\n"
        )
        return self.run("-", code=start + code)
