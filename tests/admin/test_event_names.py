"""A chain that waits for an event nobody sends says so, and still may be published."""

from __future__ import annotations

import pytest
from django.test import Client

import triggers
from tests.build import draft_chain, make_contact
from triggers.admin.event_names import event_warnings
from triggers.models import Chain
from triggers.sources import Created, ModelSource
from triggers.sources.models import connected

WAIT = ("wait_1", "wait", {"amount": 3, "unit": "hours"})
LEAF = {"kind": "event_happened", "event": "purchas", "at_least": 1}
ASK = ("ask", "condition", {"condition": {"kind": "all", "of": [{"kind": "tag", "tag": "x"}, LEAF]}})

pytestmark = pytest.mark.django_db


def test_every_place_that_names_an_event_is_looked_at() -> None:
    chain = draft_chain([WAIT, ASK], event="serch", goals=["refundd"], exits=["zzz"])
    assert event_warnings(chain) == [
        "No event “purchas” is known; did you mean “purchase”?",
        "No event “refundd” is known; did you mean “refund”?",
        "No event “serch” is known; did you mean “search”?",
        "No event “zzz” is known: nothing has sent it yet.",
    ]


def test_what_happened_once_is_known_and_is_offered() -> None:
    triggers.capture("loyalty_reached", contact=make_contact())
    assert event_warnings(draft_chain([WAIT], event="loyalty_reached")) == []
    (text,) = event_warnings(draft_chain([WAIT], key="other", event="loyalty_reachd"))
    assert "did you mean “loyalty_reached”?" in text


def test_what_a_source_declares_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    class Source(ModelSource):
        model = "auth.User"
        events = [Created("ticket_opened")]

    monkeypatch.setitem(connected, "a source of this test", Source())
    assert event_warnings(draft_chain([WAIT], event="ticket_opened")) == []


def test_unreadable_chains_have_no_event_names() -> None:
    chain = draft_chain([("alien", "alien", {"condition": [{"kind": ["tag"], "event": 7}]})])
    Chain.objects.update(entry_kind="moon_phase")
    chain.refresh_from_db()
    assert event_warnings(chain) == []


def test_both_pages_warn_and_publishing_goes_on(boss: Client) -> None:
    chain = draft_chain([WAIT], event="serch")
    for page in ("change", "publish"):
        text = boss.get(f"/admin/triggers/chain/{chain.pk}/{page}/").content.decode()
        assert "No event “serch” is known; did you mean “search”?" in text
    boss.post(f"/admin/triggers/chain/{chain.pk}/publish/")
    assert chain.versions.exists()
