"""The main job as a newcomer sees it: sign up, leave a cart, get the letter; order in time, get none."""

from __future__ import annotations

import time
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.browser.conftest import Demo

PASSWORD = "a-lamp-and-a-half"
LETTER = "left something in your cart"


@pytest.fixture
def email() -> str:
    return f"anna-{uuid4().hex[:8]}@example.com"


def sign_up(page: Page, email: str) -> None:
    page.goto("/account/sign-up/")
    form = page.locator("main form")
    form.locator("[name=first_name]").fill("Anna")
    form.locator("[name=email]").fill(email)
    form.locator("[name=password]").fill(PASSWORD)
    form.locator("[name=wants_news]").check()
    form.locator("button").click()
    expect(
        page.get_by_role("link", name="Log out").or_(page.get_by_role("button", name="Log out"))
    ).to_be_visible()


def put_into_cart(page: Page, *products: str) -> None:
    for product in products:
        page.goto(f"/product/{product}/")
        page.locator("main form[action*='/cart/add/'] button").click()
        expect(page).to_have_url("/cart/")


def letters(page: Page, email: str, subject: str) -> int:
    """How many letters with this in the subject the mailbox shows for this address."""
    page.goto(f"/mailbox/?q={email}")
    return page.locator("main .mail", has_text=subject).count()


def wait_for_letter(page: Page, email: str, subject: str, seconds: float = 60.0) -> None:
    ends = time.monotonic() + seconds
    while not letters(page, email, subject):
        assert time.monotonic() < ends, f"no letter “{subject}” for {email}"
        page.wait_for_timeout(250)


def open_letter(page: Page, email: str, subject: str) -> FrameLocator:
    """Open the newest letter with this subject; returns its HTML."""
    page.goto(f"/mailbox/?q={email}")
    page.locator("main a.mail", has_text=subject).first.click()
    return page.frame_locator("iframe")


def open_contact(browser: Browser, demo: Demo, email: str) -> Page:
    """The contact's page in the admin."""
    page = browser.new_page(base_url=demo.url)
    page.goto("/admin/")
    page.locator("#id_username").fill(demo.name)
    page.locator("#id_password").fill(demo.password)
    page.locator("[type=submit]").click()
    page.goto(f"/admin/triggers/contact/?q={email}")
    page.locator("#result_list tbody th a").first.click()
    return page


def test_a_cart_that_is_left_brings_a_letter(page: Page, browser: Browser, demo: Demo, email: str) -> None:
    sign_up(page, email)
    put_into_cart(page, "pilz", "moonrise")
    wait_for_letter(page, email, LETTER)
    letter = open_letter(page, email, LETTER)
    for text in (
        "Anna, your cart is still here.",
        "Pilz",
        "€129.00",
        "Moonrise",
        "€74.90",
        "€203.90",
        "Lampenweg 4",
    ):
        expect(letter.locator("body")).to_contain_text(text)
    assert letter.locator("img").count() >= 3
    back = letter.get_by_role("link", name="Back to my cart").get_attribute("href")
    unsubscribe = letter.get_by_role("link", name="Unsubscribe").get_attribute("href")
    assert back
    assert unsubscribe

    elsewhere = browser.new_page()
    elsewhere.goto(back)
    expect(elsewhere.get_by_text("Moonrise").first).to_be_visible()

    elsewhere.goto(unsubscribe)
    elsewhere.get_by_role("button", name="No more “Cart reminders”").click()
    expect(elsewhere.get_by_role("status")).to_contain_text("no more messages about “Cart reminders”")
    elsewhere.close()

    admin = open_contact(browser, demo, email)
    for text in ("Entered because of add_to_cart", "Waits until", "Letter “abandoned_cart” queued"):
        expect(admin.get_by_text(text).first).to_be_visible()
    admin.close()


def test_an_order_in_time_brings_thanks_and_no_reminder(
    page: Page, browser: Browser, demo: Demo, email: str
) -> None:
    sign_up(page, email)
    put_into_cart(page, "halbmond")
    order(page)
    wait_for_letter(page, email, "Your order")
    # Well past the reminder's hour.
    page.wait_for_timeout(6_000)
    assert letters(page, email, LETTER) == 0
    admin = open_contact(browser, demo, email)
    expect(admin.get_by_text("Goal reached: purchase").first).to_be_visible()
    admin.close()


def order(page: Page) -> None:
    """Check out and pay."""
    page.goto("/checkout/")
    fields = {"last_name": "Lind", "street": "Lampenweg 4", "postcode": "10115", "city": "Berlin"}
    for name, value in fields.items():
        page.locator(f"main [name={name}]").fill(value)
    page.get_by_role("button", name="Order and pay").click()
    page.locator("button[value=paid]").click()
    expect(page.locator("main h1")).to_be_visible()
