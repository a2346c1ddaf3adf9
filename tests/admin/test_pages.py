"""Every page opens, for those who may only look as well; whatever stands in the rows, it stays text."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import triggers
from tests.admin.conftest import Staff
from tests.build import draft_chain, live_chain, make_contact, make_template
from triggers.models import (
    Chain,
    Contact,
    ContactTag,
    Event,
    Journey,
    Message,
    MessageBody,
    PendingEvent,
    Step,
    Suppression,
    Template,
    Topic,
)
from triggers.testing import run_due

HOSTILE = '"><img src=x onerror=alert(1)>'
WAIT = ("wait", "wait", {"amount": 3, "unit": "hours"})
ASK = {"condition": {"kind": "tag", "tag": HOSTILE}}
TREE = [
    ("letter", "send_email", {"template": "reminder"}),
    WAIT,
    ("ask", "condition", ASK, {"yes": [("bye", "exit", {"why": HOSTILE})]}),
]


@pytest.fixture
def full_house(db: None) -> None:
    """One of everything, named as an attacker would."""
    make_template(name=HOSTILE)
    live_chain(TREE)
    contact = make_contact(
        first_name=HOSTILE, last_name="Константинопольская " * 7, attributes={"a": HOSTILE}
    )
    ContactTag.objects.create(contact=contact, name=HOSTILE)
    triggers.capture(
        "add_to_cart",
        contact=contact,
        data={"text": HOSTILE, "items": [{"name": HOSTILE}]},
        object_ref=HOSTILE,
    )
    run_due()
    Journey.objects.update(object_ref=HOSTILE)
    MessageBody.objects.update(subject=HOSTILE, text=HOSTILE)
    Message.objects.update(state="failed", reason="it said %(detail)s", reason_data={"detail": HOSTILE})
    broken = draft_chain(
        [("alien_1", "alien", {"x": HOSTILE}), ("wait_1", "wait", {})], key="broken", event="sign_up"
    )
    Step.objects.update(note=HOSTILE)
    Chain.objects.filter(pk=broken.pk).update(name=HOSTILE, entry_kind="moon_phase")
    triggers.capture("page_view", contact=contact)
    PendingEvent.objects.update(is_set_aside=True, error=HOSTILE)
    Suppression.objects.create(channel="email", address="a@example.com", reason="manual", note=HOSTILE)


def addresses() -> list[str]:
    """Every page that only shows."""
    base = "/admin/triggers"
    lists = [
        "contact",
        "event",
        "chain",
        "template",
        "message",
        "journey",
        "topic",
        "suppression",
        "heartbeat",
    ]
    pages = [f"{base}/{name}/" for name in lists]
    for model in (Contact, Event, Chain, Template, Message, Journey, Topic, Suppression):
        pages += [f"{base}/{model._meta.model_name}/{row.pk}/change/" for row in model._default_manager.all()]
    pages += [f"{base}/chain/{chain.pk}/live/" for chain in Chain.objects.all()]
    pages += [f"{base}/chain/{step.chain_id}/steps/{step.pk}/" for step in Step.objects.all()]
    return [*pages, "/admin/", f"{base}/"]


def pages_that_change() -> list[str]:
    chains = [f"/admin/triggers/chain/{chain.pk}" for chain in Chain.objects.all()]
    deletes = [
        f"/admin/triggers/chain/{step.chain_id}/steps/{step.pk}/delete/" for step in Step.objects.all()
    ]
    kinds = ["change_contact", "condition", "exit", "send_email", "send_sms", "wait"]
    adds = [f"{chains[0]}/steps/add/?kind={kind}" for kind in kinds]
    return [*(f"{one}/publish/" for one in chains), *(f"{one}/steps/add/" for one in chains), *deletes, *adds]


class Strict(HTMLParser):
    """Collects what a page with `default-src 'self'` may not have, and what only an attacker would write."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.found += [f"{tag} {name}" for name in given if name.startswith("on") or name == "style"]
        self.found += [
            f"{tag} {given[name]}"
            for name in ("src", "href")
            if re.match("(https?:)?//", given.get(name, ""))
        ]
        if tag == "img" and given.get("src") == "x":
            self.found.append("an attacker's picture")
        if tag == "script" and "src" not in given and given.get("type") != "application/json":
            self.found.append("an inline script")


def assert_harmless(text: str) -> None:
    strict = Strict()
    strict.feed(text)
    assert strict.found == []


def test_every_page_opens_and_keeps_hostile_text_as_text(boss: Client, full_house: None) -> None:
    for address in addresses() + pages_that_change():
        response = boss.get(address)
        assert response.status_code == 200, address
        assert_harmless(response.content.decode())


def test_who_may_only_look_sees_all_and_no_buttons(staff: Staff, full_house: None) -> None:
    rights = Permission.objects.filter(content_type__app_label="triggers", codename__startswith="view_")
    client = staff(*rights.values_list("codename", flat=True))
    for address in addresses():
        response = client.get(address)
        assert response.status_code == 200, address
        text = response.content.decode()
        assert_harmless(text)
        assert 'name="_save"' not in text
        assert 'name="action"' not in text
        assert "formaction" not in text or "/template/" in address
    for address in pages_that_change():
        assert client.get(address).status_code == 403, address


def test_who_has_no_rights_sees_nothing(staff: Staff, full_house: None) -> None:
    client = staff()
    for address in [*addresses(), *pages_that_change()]:
        if address not in ("/admin/", "/admin/triggers/"):
            assert client.get(address).status_code in (403, 404), address
    assert client.get("/admin/triggers/message/1/body/").status_code in (403, 404)


def test_contacts_have_no_name_for_who_may_not_see_them(staff: Staff, full_house: None) -> None:
    client = staff("view_event", "view_message", "view_journey")
    for name in ("event", "message", "journey"):
        text = client.get(f"/admin/triggers/{name}/").content.decode()
        assert "Константинопольская" not in text
        assert f"#{Contact.objects.get().pk}" in text


def test_an_empty_shop(boss: Client) -> None:
    for address in addresses():
        assert boss.get(address).status_code == 200, address
    for name in ("contact", "chain", "template", "topic", "suppression"):
        assert_harmless(boss.get(f"/admin/triggers/{name}/add/").content.decode())


def test_russian(boss: Client, full_house: None) -> None:
    for address in addresses():
        assert boss.get(address, headers={"accept-language": "ru"}).status_code == 200, address


def test_a_letter_is_shown_behind_glass(boss: Client, full_house: None) -> None:
    MessageBody.objects.update(html="<script>alert(1)</script>")
    message = Message.objects.get()
    page = boss.get(f"/admin/triggers/message/{message.pk}/change/").content.decode()
    assert 'sandbox=""' in page
    response = boss.get(f"/admin/triggers/message/{message.pk}/body/")
    policy = response["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "script-src" not in policy
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize("name", ["contact", "event", "journey", "message", "chain"])
def test_lists_ask_as_much_for_twenty_rows_as_for_two(name: str, boss: Client) -> None:
    make_template()
    live_chain(TREE)

    def grow(first: int, last: int) -> int:
        for number in range(first, last):
            contact = make_contact(number)
            triggers.capture("add_to_cart", contact=contact)
            draft_chain([WAIT], key=f"chain{number}", event="sign_up")
        run_due()
        with CaptureQueriesContext(connection) as queries:
            assert boss.get(f"/admin/triggers/{name}/").status_code == 200
        return len(queries)

    assert grow(1, 3) == grow(3, 21) <= 20


def test_pages_ask_as_much_for_a_long_story_as_for_a_short_one(boss: Client) -> None:
    make_template()
    chain = live_chain(TREE)
    contact = make_contact()

    def ask(address: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert boss.get(address).status_code == 200
        return len(queries)

    def all_pages() -> list[int]:
        run_due()
        pages = (
            f"contact/{contact.pk}/change/",
            f"chain/{chain.pk}/change/",
            f"chain/{chain.pk}/live/",
            "heartbeat/",
        )
        return [ask(f"/admin/triggers/{page}") for page in pages]

    triggers.capture("add_to_cart", contact=contact)
    # Content types are read once in a process.
    all_pages()
    short = all_pages()
    for position in range(100):
        triggers.capture("page_view", contact=contact, data={"n": position})
        Step.objects.create(
            chain=chain, key=f"more_{position}", kind="wait", config=WAIT[2], position=10 + position
        )
    Journey.objects.update(since=timezone.now() - timedelta(days=1))
    long = all_pages()
    assert short == long
    assert max(long) <= 30
