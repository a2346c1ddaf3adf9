"""The tracker in a real browser: under a strict policy, beside Google's data layer, before and after a login."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from tests.browser.conftest import Demo
from tests.browser.test_story import LETTER, email, open_contact, put_into_cart, sign_up, wait_for_letter

__all__ = ["email"]

STRICT = "default-src 'self'; script-src 'self'; connect-src 'self'"
EVENTS = "page_view view_item click file_download form_field_left user_engagement add_to_cart search"
TEST_PAGE = "/tracker-test/"


class Shelf:
    """A page of our own at the demo's address, and what its tracker sent."""

    def __init__(self, page: Page) -> None:
        self.page, self.errors = page, list[str]()
        self.parcels: list[dict[str, Any]] = []
        self.statuses = [204]
        page.on(
            "console", lambda message: self.errors.append(message.text) if message.type == "error" else None
        )
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.route("**/triggers/collect/", self._receive)

    def open(self, body: str, *, layer: str = "", wait: str = "no") -> None:
        tag = (
            f'<script src="/static/triggers/tracker.js" defer data-url="/triggers/collect/" data-events="{EVENTS}" '
            f'data-wait="{wait}" data-layer="dataLayer" data-quiet="yes"></script>'
        )
        html = f'<!doctype html><title>Shelf</title><script src="/layer.js"></script>{tag}<body>{body}'
        self.page.route(
            "**/layer.js", lambda route: route.fulfill(body=layer, content_type="text/javascript")
        )
        headers = {"Content-Security-Policy": STRICT}
        self.page.route(
            f"**{TEST_PAGE}",
            lambda route: route.fulfill(body=html, content_type="text/html", headers=headers),
        )
        self.page.goto(TEST_PAGE)

    def wait_for(self, name: str) -> dict[str, Any]:
        """The data of the first event of this name."""
        for _ in range(100):
            found = [event for event in self.events if event["name"] == name]
            if found:
                return dict(found[0]["data"])
            self.page.wait_for_timeout(100)
        raise AssertionError(f"no {name} among {self.events}")

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for parcel in self.parcels for event in parcel["events"]]

    def _receive(self, route: Route, request: Request) -> None:
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if status == 204:
            self.parcels.append(json.loads(request.post_data or "{}"))
        route.fulfill(status=status)


@pytest.fixture
def shelf(browser: Browser, demo: Demo) -> Iterator[Shelf]:
    """In a browser of its own: what the server refuses on purpose would be an error in the others."""
    page = browser.new_page(base_url=demo.url)
    found = Shelf(page)
    yield found
    page.close()
    assert [error for error in found.errors if "503" not in error] == []


def test_a_page_and_what_it_sells(shelf: Shelf) -> None:
    item = {
        "@type": "Product",
        "sku": "L1",
        "name": "Лампа",
        "offers": {"price": "49.90", "priceCurrency": "EUR"},
    }
    shelf.open(f"<script type='application/ld+json'>{json.dumps(item)}</script>")
    assert shelf.wait_for("view_item") == {
        "items": [{"item_id": "L1", "item_name": "Лампа", "price": 49.9, "currency": "EUR"}],
        "value": 49.9,
        "currency": "EUR",
    }
    assert shelf.wait_for("page_view")["page_title"] == "Shelf"


def test_clicks_downloads_and_fields(shelf: Shelf) -> None:
    shelf.open(
        """<button data-triggers-click="top"><b>Look</b></button><a href="/files/Preise%202026.pdf" download>Prices</a>
        <form data-triggers-form="enquiry"><input name="email"><input name="secret" type="password"></form>"""
    )
    shelf.page.locator("b").click()
    shelf.page.locator("[name=email]").fill("ann@example.com")
    shelf.page.locator("[name=secret]").fill("hush")
    shelf.page.route("**/files/**", lambda route: route.fulfill(body="x", content_type="application/pdf"))
    shelf.page.locator("a").click()
    assert shelf.wait_for("click")["element"] == "top"
    assert shelf.wait_for("form_field_left")["field"] == "email"
    assert shelf.wait_for("file_download")["file_name"] == "Preise 2026.pdf"
    told = json.dumps(shelf.parcels)
    assert "ann@example.com" not in told
    assert "secret" not in told


def test_it_hears_what_google_is_told(shelf: Shelf) -> None:
    before = """
        window.dataLayer = window.dataLayer || [];
        function gtag() { dataLayer.push(arguments); }
        gtag("js", new Date());
        gtag("event", "add_to_cart", {value: 49.9, currency: "EUR", items: [{item_id: "L1"}]});
        gtag("event", "purchase", {value: 1});
        dataLayer.push({event: "gtm.js"}, null, {ecommerce: null});
    """
    shelf.open("", layer=before)
    assert shelf.wait_for("add_to_cart") == {"value": 49.9, "currency": "EUR", "items": [{"item_id": "L1"}]}
    shelf.page.evaluate("dataLayer.push({event: 'search', ecommerce: null, search_term: 'lamp'})")
    assert shelf.wait_for("search")["search_term"] == "lamp"
    assert {event["name"] for event in shelf.events} <= {"page_view", "add_to_cart", "search"}
    assert shelf.page.evaluate("dataLayer.length") == 7


def test_it_waits_for_consent_and_then_tells_what_was_seen(shelf: Shelf) -> None:
    shelf.open("<button data-triggers-click='top'>Look</button>", wait="yes")
    shelf.page.locator("button").click()
    shelf.page.wait_for_timeout(3000)
    assert shelf.parcels == []
    shelf.page.evaluate("(window.dataLayer).push(['consent', 'update', {analytics_storage: 'granted'}])")
    assert shelf.wait_for("click")["element"] == "top"
    assert shelf.wait_for("page_view")


def test_who_says_no_is_not_told_of(shelf: Shelf) -> None:
    shelf.open("<button data-triggers-click='top'>Look</button>", wait="yes")
    shelf.page.evaluate("triggersTracker.deny()")
    shelf.page.locator("button").click()
    shelf.page.goto("about:blank")
    assert shelf.parcels == []


def test_what_did_not_arrive_is_sent_again_under_the_same_id(shelf: Shelf) -> None:
    shelf.statuses = [503, 204]
    seen: list[str] = []
    shelf.page.on("request", lambda one: seen.append(one.post_data or "") if "collect" in one.url else None)
    shelf.open("")
    shelf.wait_for("page_view")
    assert len({json.loads(body)["id"] for body in seen}) == 1
    assert len(seen) == 2


def test_a_cart_filled_before_the_account_brings_a_letter(
    page: Page, browser: Browser, demo: Demo, email: str
) -> None:
    """Nobody knows who fills the cart; then an account is opened in that browser."""
    with page.expect_response("**/triggers/collect/") as answer:
        page.goto("/delivery/")
    assert answer.value.status == 204
    put_into_cart(page, "pilz")
    sign_up(page, email)
    wait_for_letter(page, email, LETTER)
    admin = open_contact(browser, demo, email)
    for text in ("Viewed a page", "Added to the cart", "Signed up"):
        expect(admin.get_by_text(text).first).to_be_visible()
    admin.close()


@pytest.mark.parametrize(
    "block", ['{"@type": "Product", "name": "Gone", "offers": []}', "[null]", '{"@graph": [null]}']
)
def test_what_a_page_says_of_its_goods_breaks_no_page(shelf: Shelf, block: str) -> None:
    shelf.open(f"<script type='application/ld+json'>{block}</script>")
    assert shelf.page.evaluate("history.pushState({}, '', '/elsewhere/')") is None
    assert shelf.wait_for("page_view")


def test_a_default_for_another_region_is_no_consent(shelf: Shelf) -> None:
    layer = """
        window.dataLayer = [];
        function gtag() { dataLayer.push(arguments); }
        gtag("consent", "default", {analytics_storage: "denied"});
        gtag("consent", "default", {analytics_storage: "granted", region: ["US"]});
    """
    shelf.open("<button data-triggers-click='top'>Look</button>", layer=layer)
    shelf.page.locator("button").click()
    shelf.page.wait_for_timeout(2500)
    assert shelf.parcels == []


def test_what_google_is_told_of_the_page_is_counted_once(shelf: Shelf) -> None:
    item = {"@type": "Product", "sku": "L1", "name": "Lamp"}
    layer = (
        "window.dataLayer = []; dataLayer.push({event: 'view_item', ecommerce: {items: [{item_id: 'L1'}]}});"
    )
    shelf.open(f"<script type='application/ld+json'>{json.dumps(item)}</script>", layer=layer)
    shelf.wait_for("page_view")
    assert [event["name"] for event in shelf.events].count("view_item") == 1
