"""The chain's form with its trigger, publishing, pausing, the live view."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

import triggers
from tests.admin.conftest import Staff
from tests.build import draft_chain, live_chain, make_contact, make_template
from triggers.models import Chain, ChainStatus
from triggers.testing import run_due

WAIT = ("wait_1", "wait", {"amount": 3, "unit": "hours"})
RULES = {"rules-TOTAL_FORMS": "0", "rules-INITIAL_FORMS": "0"}
FORM = {
    "name": "Welcome",
    "key": "welcome",
    "entry_kind": "event",
    "trigger-event": "sign_up",
    "trigger-re_entry": "once",
}


def save(client: Client, address: str = "add/", **changes: Any) -> Any:
    return client.post(f"/admin/triggers/chain/{address}", FORM | RULES | changes)


def test_a_chain_with_its_trigger_and_its_ending_events(boss: Client) -> None:
    rules = {
        "rules-TOTAL_FORMS": "1",
        "rules-0-role": "goal",
        "rules-0-event": "purchase",
        "rules-0-filters": "value >= 10",
    }
    filters = {
        "trigger-filters": "plan = pro\ncoupon missing",
        "trigger-re_entry": "every_days",
        "trigger-days": "7",
    }
    assert save(boss, **rules, **filters).status_code == 302
    chain = Chain.objects.get()
    assert chain.entry_config == {
        "event": "sign_up",
        "re_entry": "every_days",
        "days": 7,
        "filters": [{"path": "plan", "op": "eq", "value": "pro"}, {"path": "coupon", "op": "missing"}],
    }
    assert chain.rules.get().filters == [{"path": "value", "op": "gte", "value": "10"}]
    text = boss.get(f"/admin/triggers/chain/{chain.pk}/change/").content.decode()
    assert "plan = pro\ncoupon missing" in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"trigger-event": "Bad Name"}, "Enter a valid value."),
        ({"trigger-event": ""}, "This field is required."),
        ({"trigger-re_entry": "every_days"}, "Say in how many days."),
        ({"trigger-filters": "what?"}, "is not a filter"),
        ({"entry_kind": "moon_phase"}, "There is no such way to start a chain."),
    ],
)
def test_a_bad_trigger_is_refused_at_its_field(changes: dict[str, str], said: str, boss: Client) -> None:
    response = save(boss, **changes)
    assert response.status_code == 200
    assert said in response.content.decode()
    assert not Chain.objects.exists()


def test_an_unknown_trigger_is_kept(boss: Client) -> None:
    chain = draft_chain([WAIT])
    Chain.objects.filter(pk=chain.pk).update(entry_kind="moon_phase", entry_config={"phase": "full"})
    assert "full" in boss.get(f"/admin/triggers/chain/{chain.pk}/change/").content.decode()
    assert save(boss, f"{chain.pk}/change/", name="Renamed", entry_kind="moon_phase").status_code == 302
    chain.refresh_from_db()
    assert (chain.name, chain.entry_kind, chain.entry_config) == ("Renamed", "moon_phase", {"phase": "full"})


def test_publishing_asks_first(boss: Client) -> None:
    chain = draft_chain([WAIT])
    text = boss.get(f"/admin/triggers/chain/{chain.pk}/publish/").content.decode()
    assert "Wait 3 h" in text
    chain.refresh_from_db()
    assert chain.status == ChainStatus.DRAFT
    boss.post(f"/admin/triggers/chain/{chain.pk}/publish/")
    chain.refresh_from_db()
    assert chain.status == ChainStatus.LIVE
    assert chain.versions.get().published_by is not None


def test_a_chain_that_cannot_run_says_why_and_where(boss: Client) -> None:
    chain = draft_chain([("letter", "send_email", {"template": "nobody"})])
    for response in (
        boss.get(f"/admin/triggers/chain/{chain.pk}/publish/"),
        boss.post(f"/admin/triggers/chain/{chain.pk}/publish/"),
    ):
        text = response.content.decode()
        assert "there is no template “nobody”" in text
        assert f"/admin/triggers/chain/{chain.pk}/steps/{chain.steps.get().pk}/" in text
    chain.refresh_from_db()
    assert chain.status == ChainStatus.DRAFT


def test_pause_and_resume(boss: Client) -> None:
    chain = live_chain([WAIT])
    assert boss.get(f"/admin/triggers/chain/{chain.pk}/pause/").status_code == 405
    for verb, status in (("pause", "paused"), ("pause", "paused"), ("resume", "live")):
        boss.post(f"/admin/triggers/chain/{chain.pk}/{verb}/")
        chain.refresh_from_db()
        assert chain.status == status


def test_publishing_is_a_right_of_its_own(staff: Staff) -> None:
    chain = draft_chain([WAIT])
    for client in (staff("change_chain", "view_chain"), staff("publish_chain"), Client()):
        for verb in ("publish", "pause", "resume"):
            assert client.post(f"/admin/triggers/chain/{chain.pk}/{verb}/").status_code in (302, 403)
    chain.refresh_from_db()
    assert chain.status == ChainStatus.DRAFT
    assert (
        "Publish…"
        not in staff("change_chain").get(f"/admin/triggers/chain/{chain.pk}/change/").content.decode()
    )
    staff("publish_chain", "view_chain").post(f"/admin/triggers/chain/{chain.pk}/publish/")
    chain.refresh_from_db()
    assert chain.status == ChainStatus.LIVE


def test_a_chain_that_ran_is_not_deleted(boss: Client) -> None:
    ran, draft = live_chain([WAIT]), draft_chain([WAIT], key="draft")
    assert boss.post(f"/admin/triggers/chain/{ran.pk}/delete/", {"post": "yes"}).status_code == 403
    assert boss.post(f"/admin/triggers/chain/{draft.pk}/delete/", {"post": "yes"}).status_code == 302
    assert list(Chain.objects.all()) == [ran]


def test_the_live_view_counts(boss: Client) -> None:
    make_template()
    chain = live_chain([("letter", "send_email", {"template": "reminder"}), WAIT], goals=["purchase"])
    for number in range(3):
        triggers.capture("add_to_cart", contact=make_contact(number))
    run_due()
    triggers.capture("purchase", contact="person0@example.com")
    run_due()
    response = boss.get(f"/admin/triggers/chain/{chain.pk}/live/")
    letter, wait = response.context["cards"]
    assert (letter.sent, wait.standing) == (3, 2)
    assert response.context["inside"] == 2
    row = boss.get("/admin/triggers/chain/").content.decode()
    assert 'class="field-inside_now">2<' in row
    assert 'class="field-entered_lately">3<' in row
