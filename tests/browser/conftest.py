"""The demo as a newcomer starts it, and a browser to look at it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.processes import ROOT

# Three hours in four seconds: long enough to order in time, short enough to wait for.
WAIT_SCALE = 0.0004
# Chromium's own errands have no business in a test and no network to do them.
QUIET = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-quic"),
]
ADMIN = re.compile(r"The admin\s+(?P<url>\S+)\s+log in as (?P<name>\S+) with (?P<password>\S+)")


@dataclass(frozen=True)
class Demo:
    """A running demo: where it is, and how to log in to its admin."""

    url: str
    name: str
    password: str
    process: subprocess.Popen[str]


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """`make demo`, the README's own command, with its data in a folder of the test's."""
    process = start_demo(tmp_path_factory.mktemp("demo"))
    try:
        yield read_greeting(process)
    finally:
        stop_demo(process)


def start_demo(folder: Path) -> subprocess.Popen[str]:
    names = ("DJANGO_SETTINGS_MODULE", "TRIGGERS_TEST_DB")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    command = ["make", "demo", f"PORT={_free_port()}", f"WAIT_SCALE={WAIT_SCALE}"]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment | {"DEMO_DIR": str(folder)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def read_greeting(process: subprocess.Popen[str]) -> Demo:
    """Read what the demo prints until it has said where everything is."""
    said = []
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line)
        found = ADMIN.search(line)
        if found:
            return Demo(found["url"].removesuffix("/admin/"), found["name"], found["password"], process)
    raise AssertionError("the demo did not start:\n" + "".join(said))


def stop_demo(process: subprocess.Popen[str]) -> str:
    """Ctrl-C, as a terminal sends it: to everybody in the foreground. Returns the last words."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
    try:
        output, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    return output


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, demo: Demo) -> Iterator[BrowserContext]:
    """A browser that nobody has used. Any script error or failed request of its pages fails the test."""
    context = browser.new_context(base_url=demo.url, viewport={"width": 1280, "height": 900}, locale="en-GB")
    context.set_default_timeout(30_000)
    errors: list[str] = []
    context.on("weberror", lambda error: errors.append(str(error.error)))
    context.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    yield context
    context.close()
    assert not errors


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()
