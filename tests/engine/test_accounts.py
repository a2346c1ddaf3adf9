"""A template's account decides over the lane of its messages."""

from __future__ import annotations

from typing import Any

import pytest

import triggers
from tests.build import draft_chain, live_chain, make_contact, make_template
from triggers.core.words import say
from triggers.engine.problems import find_problems
from triggers.models import Message, Template
from triggers.testing import run_due

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("account", "lane"), [("", ""), ("default", ""), ("bulk", ".bulk")])
def test_a_message_goes_by_its_templates_account(settings: Any, account: str, lane: str) -> None:
    settings.TRIGGERS = {**settings.TRIGGERS, "EMAIL_ACCOUNTS": {"default": {}, "bulk": {}}}
    make_template(account=account)
    live_chain([("letter", "send_email", {"template": "reminder"})])
    triggers.capture("add_to_cart", contact=make_contact())
    run_due()
    message = Message.objects.get()
    assert (message.lane, message.state) == (f"email.marketing{lane}", "accepted")


def test_a_template_of_an_account_that_is_gone_fails_its_message_in_words() -> None:
    template = make_template()
    live_chain([("letter", "send_email", {"template": "reminder"})])
    Template.objects.filter(pk=template.pk).update(account="bulk")
    triggers.capture("add_to_cart", contact=make_contact())
    run_due()
    message = Message.objects.get()
    assert message.state == "failed"
    assert say(message.reason, message.reason_data) == "the settings have no account “bulk”"


def test_a_chain_is_not_published_with_an_account_that_is_gone() -> None:
    make_template(account="bulk")
    chain = draft_chain([("letter", "send_email", {"template": "reminder"})])
    (problem,) = find_problems(chain)
    assert "has the account “bulk”, which the settings do not know" in str(problem)
