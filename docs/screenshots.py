"""Makes the pictures of the documents from a demo that really runs: `.venv/bin/python docs/screenshots.py`.

Signs up, puts two lamps into the cart, waits for the letter, and looks at what the admin says about it. Needs Chromium
(`CHROMIUM=…` names another one) and about a minute.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urljoin

from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page, ViewportSize, sync_playwright

from tests.browser.conftest import QUIET, Demo, read_greeting, start_demo, stop_demo
from tests.browser.test_story import (
    LETTER,
    open_contact,
    open_letter,
    put_into_cart,
    sign_up,
    wait_for_letter,
)
from tests.services import found

IMAGES = Path(__file__).resolve().parent / "images"
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
EMAIL = "anna.lind@example.com"
# What the admin's cards take of the window, and the white around them.
CARDS_WIDTH, MARGIN = 1040, 20
MOST_BYTES = 150_000
# Fewer and fewer colours until the picture is small enough.
PALETTES = (256, 128, 64, 32)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="triggers-pictures-") as folder, sync_playwright() as playwright:
        process = start_demo(Path(folder))
        try:
            demo = read_greeting(process)
            chromium = playwright.chromium.launch(executable_path=found("chromium").address, args=QUIET)
            take_all(chromium, demo)
            chromium.close()
        finally:
            stop_demo(process)


def take_all(browser: Browser, demo: Demo) -> None:
    page = browser.new_page(base_url=demo.url, viewport=DESKTOP, locale="en-GB")
    sign_up(page, EMAIL)
    put_into_cart(page, "pilz", "moonrise")
    take_phone(browser, demo)
    wait_for_letter(page, EMAIL, LETTER)
    take_letter(page)
    page.close()
    admin = open_contact(browser, demo, EMAIL)
    admin.set_viewport_size(DESKTOP)
    admin.locator("#toggle-nav-sidebar").click()
    # The day after the letter has to pass as well, so that the story has an end.
    wait_for_end(admin)
    take(admin, "contact", height=826, start="#timeline")
    admin.goto("/admin/triggers/heartbeat/")
    take(admin, "health", height=850)
    admin.goto(_found(admin, "/admin/triggers/chain/", "Abandoned cart"))
    take(admin, "chain", height=1080, start="#steps")
    admin.close()


def take_phone(browser: Browser, demo: Demo) -> None:
    phone = browser.new_page(base_url=demo.url, viewport=PHONE, device_scale_factor=1.5, locale="en-GB")
    phone.goto("/")
    take(phone, "shop-on-a-phone", height=PHONE["height"])
    phone.close()


def take_letter(page: Page) -> None:
    """The letter alone, as wide as a mail program shows it."""
    open_letter(page, EMAIL, LETTER)
    address = page.locator("iframe").get_attribute("src")
    assert address
    page.set_viewport_size({"width": 720, "height": 900})
    page.goto(urljoin(page.url, address))
    take(page, "letter", height=1000)


def wait_for_end(admin: Page, seconds: float = 90.0) -> None:
    """Reload the contact's page until its longest journey is over."""
    ends = time.monotonic() + seconds
    while admin.get_by_text("Reached the end of the chain").count() < 3:
        if time.monotonic() > ends:
            raise TimeoutError("the journeys did not end")
        admin.wait_for_timeout(1000)
        admin.reload()


def _found(admin: Page, address: str, name: str) -> str:
    admin.goto(address)
    link = admin.locator("#result_list tbody th a", has_text=name).first.get_attribute("href")
    assert link
    return urljoin(admin.url, link)


def take(page: Page, name: str, height: int, start: str = "") -> None:
    """One picture, at most `height` CSS pixels high: the page from its top, or from the element `start` on."""
    page.wait_for_load_state("networkidle")
    page.evaluate("document.activeElement.blur()")
    size = page.viewport_size
    assert size
    most = page.evaluate("document.documentElement.scrollHeight")
    clip: FloatRect = {"x": 0, "y": 0, "width": size["width"], "height": min(height, most)}
    if start:
        box = page.locator(start).evaluate(
            "one => [one.getBoundingClientRect().x, one.getBoundingClientRect().y + scrollY]"
        )
        clip = {"x": box[0] - MARGIN, "y": box[1] - MARGIN, "width": CARDS_WIDTH, "height": height}
    path = IMAGES / f"{name}.png"
    path.write_bytes(small(page.screenshot(animations="disabled", full_page=True, clip=clip)))
    sys.stdout.write(f"{path.name}: {path.stat().st_size // 1000} kB\n")


def small(png: bytes) -> bytes:
    """The picture with as many colours as fit into MOST_BYTES."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for colours in PALETTES:
        file = io.BytesIO()
        picture.quantize(colours, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
        if file.tell() <= MOST_BYTES:
            break
    return file.getvalue()


if __name__ == "__main__":
    main()
