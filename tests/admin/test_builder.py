"""The condition builder and the preview in a real browser, under the strictest policy a host may set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, sync_playwright

from tests.build import draft_chain, make_contact, make_template

pytestmark = pytest.mark.django_db(transaction=True)


def strictest(get_response: Any) -> Any:
    """Middleware of a host that allows nothing but its own files."""

    def respond(request: Any) -> Any:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", "default-src 'self'")
        return response

    return respond


@pytest.fixture
def page(chromium_path: str, live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    """A page signed in to the admin. What the browser complains about fails the test."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        context = browser.new_context(base_url=live_server.url)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}])
        tab = context.new_page()
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on(
            "console",
            lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None,
        )
        yield tab
        browser.close()
    assert complaints == []


@pytest.fixture(autouse=True)
def _strict_host(settings: Any) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.admin.test_builder.strictest"]


def test_a_nested_condition_is_built_by_keyboard(page: Page) -> None:
    chain = draft_chain([])
    page.goto(f"/admin/triggers/chain/{chain.pk}/steps/add/?kind=condition")
    page.get_by_label("Question", exact=True).last.select_option("tag")
    page.keyboard.press("Tab")
    page.keyboard.type("vip")
    page.get_by_role("button", name="Add a group").press("Enter")
    inner = page.locator(".tc-group .tc-group")
    inner.get_by_label("Question", exact=True).select_option("event_happened")
    inner.get_by_label("Event", exact=True).fill("purchase")
    inner.get_by_role("combobox").first.select_option("none")
    page.get_by_role("button", name="Add the step").click()
    page.wait_for_url("**/change/#step-condition_1")
    leaf = {"kind": "event_happened", "event": "purchase", "at_least": 1, "same_object": False}
    expected = {"kind": "all", "of": [{"kind": "tag", "tag": "vip"}, {"kind": "none", "of": [leaf]}]}
    assert chain.steps.get().config == {"condition": expected}


def test_what_was_stored_is_shown_and_kept(page: Page) -> None:
    asked = {"kind": "any", "of": [{"kind": "tag", "tag": '"><img src=x>'}, {"kind": "gone", "x": 1}]}
    chain = draft_chain([("q", "condition", {"condition": asked})])
    page.goto(f"/admin/triggers/chain/{chain.pk}/steps/{chain.steps.get().pk}/")
    assert page.get_by_label("Tag", exact=True).input_value() == '"><img src=x>'
    assert "not installed" in page.locator(".tc-raw-note").inner_text()
    page.get_by_role("button", name="Remove", exact=True).last.click()
    page.get_by_role("button", name="Save the step").click()
    page.wait_for_url("**/change/#step-q")
    assert chain.steps.get().config == {"condition": {"kind": "any", "of": [asked["of"][0]]}}


def test_the_preview_shows_the_letter_and_nothing_in_it_can_act(page: Page) -> None:
    template = make_template(subject="To {{ contact.first_name|default:'you' }}")
    contact = make_contact(first_name="Zoë")
    page.goto(f"/admin/triggers/template/{template.pk}/change/")
    page.locator("#preview .select2-selection").click()
    page.locator(".select2-search__field").fill("Zo")
    page.locator(".select2-results__option", has_text=str(contact)).click()
    page.get_by_role("button", name="Show", exact=True).click()
    frame = page.frame_locator("iframe[name=tc-preview]")
    assert frame.locator("h1").inner_text() == "To Zoë"
    assert "Hello!" in frame.frame_locator("iframe").locator("body").inner_text()
    origin = page.frames[1].evaluate("self.origin")
    assert origin == "null"
