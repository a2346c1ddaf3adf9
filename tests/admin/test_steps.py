"""Steps are added, changed, moved and deleted by POST; what is forged is refused in words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django import forms
from django.test import Client

from tests.admin.conftest import Staff
from tests.build import draft_chain, live_chain, make_template
from triggers.core.kinds import View
from triggers.core.values import Go, Reason, Value
from triggers.forms import KindForm
from triggers.models import Chain, Step
from triggers.steps import steps
from triggers.steps.base import Step as StepKind

WAIT = ("wait_1", "wait", {"amount": 3, "unit": "hours"})
BYE: tuple[Any, ...] = ("exit_1", "exit", {})
ASK = ("condition_1", "condition", {"condition": {"kind": "tag", "tag": "vip"}}, {"yes": [BYE], "no": []})


class RemarkConfig(Value, frozen=True):
    note: str


class RemarkForm(KindForm):
    note = forms.CharField()


class Remark(StepKind):
    key = "remark"
    label = "Remark"
    Config = RemarkConfig
    form_class = RemarkForm

    def decide(self, config: RemarkConfig, view: View) -> Go:
        return Go(Reason("remarked"))

    def describe(self, config: RemarkConfig) -> Reason:
        return Reason("Remark: %(note)s", {"note": config.note})


def page(chain: Chain, rest: str = "") -> str:
    return f"/admin/triggers/chain/{chain.pk}/steps/{rest}"


def order(chain: Chain) -> list[str]:
    return list(chain.steps.filter(parent=None).order_by("position").values_list("key", flat=True))


def test_add_at_a_place(boss: Client) -> None:
    chain = draft_chain([WAIT, ASK])
    response = boss.post(
        page(chain, "add/?position=1&kind=wait"), {"amount": 2, "unit": "days", "step-note": "why"}
    )
    assert response.status_code == 302
    assert response["Location"].endswith("#step-wait_2")
    assert order(chain) == ["wait_1", "wait_2", "condition_1"]
    step = chain.steps.get(key="wait_2")
    assert (step.config, step.note) == ({"amount": 2, "unit": "days"}, "why")


def test_add_into_a_branch(boss: Client) -> None:
    chain = draft_chain([ASK])
    ask = chain.steps.get(key="condition_1")
    boss.post(page(chain, f"add/?parent={ask.pk}&branch=no&position=0&kind=exit"), {"step-note": ""})
    assert chain.steps.get(branch="no").parent == ask


def test_bad_settings_come_back_with_the_form(boss: Client) -> None:
    chain = draft_chain([WAIT])
    response = boss.post(page(chain, "add/?kind=wait"), {"amount": "", "unit": "hours"})
    assert response.status_code == 200
    assert "Give a length of time" in response.content.decode()
    assert chain.steps.count() == 1


def test_edit(boss: Client) -> None:
    chain = draft_chain([WAIT])
    step = chain.steps.get()
    boss.post(page(chain, f"{step.pk}/"), {"amount": 5, "unit": "weeks", "step-note": "x"})
    step.refresh_from_db()
    assert (step.key, step.config["amount"], step.note) == ("wait_1", 5, "x")


def test_a_kind_may_have_a_setting_called_note(boss: Client) -> None:
    """The form's own note used to take its value."""
    with steps.registered(Remark):
        chain = draft_chain([("remark_1", "remark", {"note": "kind's"})])
        step = chain.steps.get()
        boss.post(page(chain, f"{step.pk}/"), {"note": "the kind's", "step-note": "the marketer's"})
    step.refresh_from_db()
    assert (step.config, step.note) == ({"note": "the kind's"}, "the marketer's")


def test_move(boss: Client) -> None:
    chain = draft_chain([WAIT, ("wait_2", *WAIT[1:]), ("wait_3", *WAIT[1:])])
    last = chain.steps.get(key="wait_3")
    boss.post(page(chain, f"{last.pk}/move/"), {"direction": "up"})
    assert order(chain) == ["wait_1", "wait_3", "wait_2"]
    boss.post(page(chain, f"{last.pk}/move/"), {"direction": "up"})
    boss.post(page(chain, f"{last.pk}/move/"), {"direction": "up"})
    assert order(chain) == ["wait_3", "wait_1", "wait_2"]
    assert boss.post(page(chain, f"{last.pk}/move/"), {"direction": "sideways"}).status_code == 400
    assert boss.get(page(chain, f"{last.pk}/move/")).status_code == 405


def test_delete_asks_and_says_what_goes_along(boss: Client) -> None:
    chain = draft_chain([ASK, WAIT])
    ask = chain.steps.get(key="condition_1")
    text = boss.get(page(chain, f"{ask.pk}/delete/")).content.decode()
    assert "1 step in its branches is deleted as well" in text
    assert chain.steps.count() == 3
    boss.post(page(chain, f"{ask.pk}/delete/"))
    assert list(chain.steps.values_list("key", "position")) == [("wait_1", 0)]


def test_unknown_kinds_are_shown_raw_and_can_be_deleted(boss: Client) -> None:
    chain = draft_chain([("alien_1", "alien", {"ray": "green"})])
    step = chain.steps.get()
    for address in (f"/admin/triggers/chain/{chain.pk}/change/", page(chain, f"{step.pk}/")):
        text = boss.get(address).content.decode()
        assert "Unknown kind of step: alien" in text
        assert "green" in text
    boss.post(page(chain, f"{step.pk}/"), {"ray": "red"})
    step.refresh_from_db()
    assert step.config == {"ray": "green"}
    boss.post(page(chain, f"{step.pk}/delete/"))
    assert not chain.steps.exists()


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("kind=alien", 302),
        ("kind=wait&parent=999999", 404),
        ("kind=wait&parent=99999999999999999999999", 200),
        ("kind=wait&parent=-1", 200),
        ("kind=wait&branch=yes", 302),
        ("kind=wait&position=999", 302),
        ("kind=wait&position=x", 302),
    ],
)
def test_forged_places(query: str, status: int, boss: Client) -> None:
    chain = draft_chain([WAIT])
    response = boss.post(page(chain, f"add/?{query}"), {"amount": 1, "unit": "days"})
    assert response.status_code in (status, 302)
    assert all(step.parent_id is None and step.branch == "" for step in chain.steps.all())
    assert [step.position for step in chain.steps.order_by("position")] == list(range(chain.steps.count()))


def test_a_step_of_another_chain_is_not_found(boss: Client) -> None:
    mine, other = draft_chain([WAIT]), draft_chain([ASK], key="other")
    step = other.steps.get(key="condition_1")
    for rest in (f"{step.pk}/", f"{step.pk}/move/", f"{step.pk}/delete/"):
        assert boss.post(page(mine, rest), {"direction": "up"}).status_code == 404
    assert boss.get(page(mine, f"add/?parent={step.pk}&branch=yes&kind=exit")).status_code == 404
    assert boss.get(page(mine, f"add/?parent={mine.steps.get().pk}&branch=yes&kind=exit")).status_code == 404
    assert boss.get("/admin/triggers/chain/999999/steps/add/").status_code == 404


def test_only_who_may_change_chains_changes_steps(staff: Staff) -> None:
    chain = draft_chain([WAIT])
    step = chain.steps.get()
    for client in (staff("view_chain"), staff("view_chain", "publish_chain"), staff("add_chain"), Client()):
        for rest in (f"{step.pk}/", f"{step.pk}/move/", f"{step.pk}/delete/", "add/?kind=exit"):
            assert client.post(page(chain, rest), {"direction": "up"}).status_code in (302, 403)
        assert chain.steps.get().config == WAIT[2]
    staff("change_chain").post(page(chain, f"{step.pk}/delete/"))
    assert not chain.steps.exists()


def test_csrf_is_checked(boss: Client) -> None:
    chain = draft_chain([WAIT])
    careful = Client(enforce_csrf_checks=True)
    careful.cookies = boss.cookies
    for rest in ("add/?kind=exit", f"{chain.steps.get().pk}/delete/"):
        assert careful.post(page(chain, rest)).status_code == 403


@pytest.mark.parametrize(
    "condition",
    [
        "",
        "null",
        "{",
        "[]",
        "7",
        '{"kind": ["tag"]}',
        '{"kind": {"a": 1}}',
        '{"kind": "nobody"}',
        '{"kind": "all"}',
        '{"kind": "all", "of": null}',
        '{"kind": "all", "of": []}',
        '{"kind": "all", "of": [7]}',
        '{"kind": "tag"}',
        '{"kind": "tag", "tag": "\\ud800"}',
        '{"kind": "tag", "tag": "\\u0000"}',
        '{"kind": "shop_fact", "fact": "__class__", "op": "eq"}',
        '{"kind": "message_reaction", "step": "nobody"}',
        "[" * 100_000,
        json.dumps({"kind": "all", "of": [{"kind": "tag", "tag": "x"}] * 51}),
    ],
)
def test_forged_conditions_are_refused(condition: str, boss: Client) -> None:
    chain = draft_chain([WAIT])
    response = boss.post(page(chain, "add/?kind=condition"), {"condition": condition})
    assert response.status_code == 200
    assert "errorlist" in response.content.decode()
    assert chain.steps.count() == 1


def test_a_condition_is_stored_as_the_engine_reads_it(boss: Client) -> None:
    make_template()
    chain = draft_chain([("letter", "send_email", {"template": "reminder"})])
    leaf: dict[str, Any] = {
        "kind": "event_happened",
        "event": "purchase",
        "at_least": "1",
        "filters": "value >= 10",
    }
    asked = {
        "kind": "none",
        "of": [leaf, {"kind": "message_reaction", "step": "letter", "reaction": "opened"}],
    }
    boss.post(page(chain, "add/?kind=condition"), {"condition": json.dumps(asked)})
    step = Step.objects.get(kind="condition")
    stored = step.config["condition"]["of"][0]
    assert stored["filters"] == [{"path": "value", "op": "gte", "value": "10"}]
    text = boss.get(page(chain, f"{step.pk}/")).content.decode()
    assert "value &gt;= 10" in text


def test_a_condition_of_an_unknown_kind_is_shown_raw(boss: Client) -> None:
    chain = draft_chain([("q", "condition", {"condition": {"kind": "gone", "ray": "green"}})])
    for address in (f"/admin/triggers/chain/{chain.pk}/change/", page(chain, f"{chain.steps.get().pk}/")):
        assert "green" in boss.get(address).content.decode()


def test_the_published_chain_does_not_change_with_the_draft(boss: Client) -> None:
    chain = live_chain([WAIT])
    boss.post(page(chain, f"{chain.steps.get().pk}/delete/"))
    chain.refresh_from_db()
    assert chain.live_version is not None
    assert chain.live_version.definition["steps"][0]["key"] == "wait_1"
    assert "the draft has changes" in boss.get(f"/admin/triggers/chain/{chain.pk}/change/").content.decode()


def test_a_new_step_is_named(boss: Client) -> None:
    chain = draft_chain([])
    response = boss.post(page(chain, "add/?kind=wait"), {"amount": 2, "unit": "hours"}, follow=True)
    assert "The step “Wait 2 h” was added." in response.content.decode()


def test_no_letter_is_chosen_beforehand(boss: Client) -> None:
    make_template(name="Cart reminder")
    chain = draft_chain([])
    form = boss.get(page(chain, "add/?kind=send_email")).context["form"]
    assert [value for value, _label in form.fields["template"].choices] == ["", "reminder"]
    assert boss.post(page(chain, "add/?kind=send_email"), {"template": ""}).status_code == 200
    assert not chain.steps.exists()


def test_a_card_names_its_template(boss: Client) -> None:
    make_template(name="Cart reminder")
    chain = live_chain([("letter", "send_email", {"template": "reminder"})])
    for place in ("change", "live"):
        text = boss.get(f"/admin/triggers/chain/{chain.pk}/{place}/").content.decode()
        assert "template “Cart reminder”</a>" in text
