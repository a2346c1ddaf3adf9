"""The shop's quiet hours and caps, and the chain's: what the forms take, and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

import triggers
from tests.admin.conftest import Staff
from tests.admin.test_chain import save
from tests.build import draft_chain, live_chain, make_contact, make_rule, make_template
from triggers.engine.problems import find_problems
from triggers.engine.turn import turn
from triggers.models import Chain, FrequencyCap, SendingRule

ADDRESS = "/admin/triggers/sendingrule/"
FORM = {"channel": "email", "message_class": "marketing", "on_hit": "skip"}
NO_CAPS = {"caps-TOTAL_FORMS": "0", "caps-INITIAL_FORMS": "0"}
WAIT = ("wait_1", "wait", {"amount": 3, "unit": "hours"})
LETTER = ("letter", "send_email", {"template": "reminder"})
HALF = "Quiet hours need a beginning and an end that differ, or neither of them."


def add(client: Client, **changes: Any) -> Any:
    return client.post(f"{ADDRESS}add/", FORM | NO_CAPS | changes)


def test_a_rule_with_quiet_hours_and_caps(boss: Client) -> None:
    caps = {
        "caps-TOTAL_FORMS": "2",
        "caps-0-most": "1",
        "caps-0-hours": "24",
        "caps-1-most": "3",
        "caps-1-hours": "168",
    }
    assert add(boss, quiet_from="22:00", quiet_until="08:00", **caps).status_code == 302
    rule = SendingRule.objects.get()
    assert list(rule.caps.values_list("most", "hours")) == [(1, 24), (3, 168)]
    text = boss.get(ADDRESS).content.decode()
    for part in ("10 p.m. – 8 a.m.", "1 in 24 h, 3 in 168 h"):
        assert part in text
    address = f"{ADDRESS}{rule.pk}/change/"
    # The browser's own field: the admin's would compare with the server's clock, and these are the contact's.
    for name, value in (("quiet_from", "22:00"), ("quiet_until", "08:00")):
        assert f'<input type="time" name="{name}" value="{value}"' in boss.get(address).content.decode()
    assert boss.post(address, {"on_hit": "put_off"} | NO_CAPS).status_code == 302
    rule.refresh_from_db()
    assert (rule.on_hit, rule.quiet, rule.channel) == ("put_off", None, "email")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"quiet_from": "22:00"}, HALF),
        ({"quiet_until": "22:00"}, HALF),
        ({"quiet_from": "08:00", "quiet_until": "08:00"}, HALF),
        ({"quiet_from": "later"}, "Enter a valid time."),
        ({"caps-TOTAL_FORMS": "1", "caps-0-most": "0", "caps-0-hours": "24"}, "greater than or equal to 1"),
        ({"caps-TOTAL_FORMS": "1", "caps-0-most": "1", "caps-0-hours": "9000"}, "less than or equal to 8784"),
        (
            {
                "caps-TOTAL_FORMS": "2",
                **{f"caps-{number}-most": "1" for number in (0, 1)},
                **{f"caps-{number}-hours": "24" for number in (0, 1)},
            },
            "Please correct the duplicate data for",
        ),
        ({"channel": "pigeon"}, "Select a valid choice."),
    ],
)
def test_what_makes_no_rule_is_refused(boss: Client, changes: dict[str, str], said: str) -> None:
    response = add(boss, **changes)
    assert response.status_code == 200
    assert said in response.content.decode()
    assert not SendingRule.objects.exists()
    assert not FrequencyCap.objects.exists()


def test_one_rule_for_a_channel_and_class(boss: Client) -> None:
    make_rule()
    assert "There is a rule for this channel and class already." in add(boss).content.decode()
    assert add(boss, channel="sms").status_code == 302


def test_hours_that_leave_a_live_chain_no_time_are_refused(boss: Client) -> None:
    make_template()
    live_chain([LETTER], key="Daytime", quiet="08:00-20:00")
    said = "With the quiet hours of these chains no time of day would be left: Daytime."
    hours = {"quiet_from": "20:00", "quiet_until": "08:00"}
    assert said in add(boss, **hours).content.decode()
    assert add(boss, channel="sms", **hours).status_code == 302, "it sends no texts"
    rule = make_rule(quiet="20:00-07:00")
    response = boss.post(f"{ADDRESS}{rule.pk}/change/", {"on_hit": "skip"} | hours | NO_CAPS)
    assert said in response.content.decode()


def test_rules_are_a_right_of_their_own(staff: Staff) -> None:
    rule = make_rule()
    assert staff("change_chain").get(ADDRESS).status_code == 403
    looking = staff("view_sendingrule")
    assert looking.get(f"{ADDRESS}{rule.pk}/change/").status_code == 200
    assert looking.post(f"{ADDRESS}{rule.pk}/change/", {"on_hit": "put_off"} | NO_CAPS).status_code == 403


def test_a_chains_quiet_hours_and_priority(boss: Client) -> None:
    assert save(boss, quiet_from="21:00", quiet_until="09:00", priority="7").status_code == 302
    chain = Chain.objects.get()
    assert (str(chain.quiet_from), str(chain.quiet_until), chain.priority) == ("21:00:00", "09:00:00", 7)
    assert HALF in save(boss, f"{chain.pk}/change/", quiet_from="21:00").content.decode()
    assert save(boss, f"{chain.pk}/change/", priority="").status_code == 302
    chain.refresh_from_db()
    assert (chain.quiet, chain.priority) == (None, 0)


def test_the_pages_before_and_after_publishing_name_the_quiet_hours(boss: Client) -> None:
    chain = live_chain([WAIT], quiet="21:00-09:00")
    said = "Nothing leaves between 9 p.m. and 9 a.m."
    for page in ("publish", "live"):
        assert said in boss.get(f"/admin/triggers/chain/{chain.pk}/{page}/").content.decode()
    # Priority counts at once; new quiet hours wait for the next version.
    Chain.objects.update(priority=9)
    address = f"/admin/triggers/chain/{chain.pk}/change/"
    assert "changes that are not live" not in boss.get(address).content.decode()
    Chain.objects.update(quiet_until="10:00")
    assert "changes that are not live" in boss.get(address).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("message_class", "chain_quiet", "is_refused"),
    [
        ("marketing", "08:00-20:00", True),
        ("marketing", "08:00-19:00", False),
        ("transactional", "08:00-20:00", False),
    ],
)
def test_a_chain_left_without_a_time_of_day_is_not_published(
    message_class: str, chain_quiet: str, is_refused: bool
) -> None:
    make_template(message_class=message_class)
    make_rule(quiet="20:00-08:00")
    problems = [str(one) for one in find_problems(draft_chain([LETTER], quiet=chain_quiet))]
    assert problems == (
        ["The chain's quiet hours and the shop's for “e-mail, marketing” leave no time of day."]
        if is_refused
        else []
    )


def test_the_contacts_page_says_what_they_did_not_get_and_why(boss: Client) -> None:
    make_template()
    make_rule((1, 24))
    live_chain([LETTER], key="Tips", event="sign_up")
    live_chain([LETTER], key="Cart", priority=5)
    live_chain([LETTER], key="News", event="login")
    contact = make_contact()
    triggers.capture("sign_up", contact=contact)
    turn(contact.shard)
    for event in ("add_to_cart", "login"):
        triggers.capture(event, contact=contact)
        turn(contact.shard)
    text = boss.get(f"/admin/triggers/contact/{contact.pk}/change/").content.decode()
    for said in (
        "gave way to the more important chain “Cart”",
        "Letter “reminder” queued, in the place of a less important message",
        "Not sent: already 1 in 1 d, “Cart” goes first",
    ):
        assert said in text
