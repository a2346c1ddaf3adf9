"""A page that was opened before somebody else changed the same thing does not overwrite it unseen."""

from __future__ import annotations

import json
import re
from typing import Any

from django.test import Client

from tests.build import draft_chain
from triggers.models import Chain, ChainRule

WAIT = ("wait_1", "wait", {"amount": 3, "unit": "hours"})
FORM = {
    "name": "chain",
    "entry_kind": "event",
    "trigger-event": "add_to_cart",
    "trigger-re_entry": "every_time",
}
NO_RULES = {"rules-TOTAL_FORMS": "0", "rules-INITIAL_FORMS": "0"}
CHANGED = "This was changed meanwhile"


def seen(text: str) -> dict[str, str]:
    found = re.search(r'name="seen" value="(\w+)"', text)
    assert found
    return {"seen": found[1]}


def opened(client: Client, address: str) -> dict[str, str]:
    """What the page that is open in a tab sends along."""
    return seen(client.get(address).content.decode())


def step_address(chain: Chain) -> str:
    return f"/admin/triggers/chain/{chain.pk}/steps/{chain.steps.get().pk}/"


def test_a_step_saved_from_a_stale_tab(boss: Client) -> None:
    chain = draft_chain([WAIT])
    address = step_address(chain)
    tab, other = opened(boss, address), opened(boss, address)
    assert boss.post(address, {"amount": 5, "unit": "weeks", "step-note": "mine"} | other).status_code == 302
    refused = boss.post(address, {"amount": 3, "unit": "days", "step-note": ""} | tab)
    text = refused.content.decode()
    assert (refused.status_code, chain.steps.get().config["amount"]) == (200, 5)
    for part in (CHANGED, "now – Wait 5", "Wait: 5", "Unit: weeks", "Note: mine"):
        assert part in text
    # Now that the writer has seen both, saving again is a decision.
    assert boss.post(address, {"amount": 3, "unit": "days", "step-note": ""} | seen(text)).status_code == 302
    assert (chain.steps.get().config, chain.steps.get().note) == ({"amount": 3, "unit": "days"}, "")


def test_a_note_alone_makes_a_tab_stale(boss: Client) -> None:
    chain = draft_chain([WAIT])
    tab = opened(boss, step_address(chain))
    chain.steps.update(note="please do not touch")
    text = boss.post(
        step_address(chain), {"amount": 3, "unit": "hours", "step-note": ""} | tab
    ).content.decode()
    assert "please do not touch" in text
    assert chain.steps.get().note == "please do not touch"


def test_a_mistake_in_the_form_does_not_make_it_fresh(boss: Client) -> None:
    chain = draft_chain([WAIT])
    tab = opened(boss, step_address(chain))
    chain.steps.update(config={"amount": 9, "unit": "days"})
    text = boss.post(step_address(chain), {"amount": "", "unit": "hours"} | tab).content.decode()
    assert CHANGED in text


def test_a_stale_condition_is_named_by_its_sentence(boss: Client) -> None:
    condition = {"kind": "tag", "tag": "vip"}
    chain = draft_chain([("ask", "condition", {"condition": condition})])
    tab = opened(boss, step_address(chain))
    chain.steps.update(config={"condition": condition | {"tag": "gold"}})
    text = boss.post(step_address(chain), {"condition": json.dumps(condition)} | tab).content.decode()
    assert CHANGED in text
    assert "gold" in text


def save(client: Client, chain: Chain, **changes: Any) -> Any:
    return client.post(f"/admin/triggers/chain/{chain.pk}/change/", FORM | NO_RULES | changes)


def test_a_chain_saved_from_a_stale_tab(boss: Client) -> None:
    chain = draft_chain([WAIT])
    page = f"/admin/triggers/chain/{chain.pk}/change/"
    tab = opened(boss, page)
    assert save(boss, chain, name="New name", **{"trigger-event": "purchase"}, **tab).status_code == 302
    refused = save(boss, chain, description="a text", **tab)
    text = refused.content.decode()
    assert refused.status_code == 200
    for part in (CHANGED, "New name", "Event: purchase", "Ending events: none"):
        assert part in text
    chain.refresh_from_db()
    assert (chain.name, chain.description, chain.entry_config["event"]) == ("New name", "", "purchase")
    assert save(boss, chain, description="a text", **seen(text)).status_code == 302
    chain.refresh_from_db()
    assert (chain.name, chain.description) == ("chain", "a text")


def test_ending_events_make_a_chain_stale_and_steps_do_not(boss: Client) -> None:
    chain = draft_chain([WAIT])
    page = f"/admin/triggers/chain/{chain.pk}/change/"
    tab = opened(boss, page)
    boss.post(f"/admin/triggers/chain/{chain.pk}/steps/add/?kind=exit", {"step-note": ""})
    assert save(boss, chain, **tab).status_code == 302
    ChainRule.objects.create(chain=chain, role="goal", event="purchase")
    text = save(boss, chain, **tab).content.decode()
    assert CHANGED in text
    assert "Ending events: purchase (goal)" in text


def test_a_step_that_another_tab_deleted(boss: Client) -> None:
    chain = draft_chain([WAIT])
    step = chain.steps.get()
    step_page = step_address(chain)
    chain.steps.all().delete()
    adds = f"/admin/triggers/chain/{chain.pk}/steps/add/?kind=exit&parent={step.pk}&branch=yes"
    for address in (step_page, f"{step_page}move/", f"{step_page}delete/", adds):
        response = boss.post(address, {"direction": "up", "amount": 1, "unit": "days"}, follow=True)
        assert response.redirect_chain == [(f"/admin/triggers/chain/{chain.pk}/change/#steps", 302)]
        assert "it was deleted meanwhile" in response.content.decode()
    assert "it was deleted meanwhile" in boss.get(step_page, follow=True).content.decode()
    assert not chain.steps.exists()
