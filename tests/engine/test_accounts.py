"""A template's account decides over the lane of its messages."""

from __future__ import annotations

from typing import Any

import pytest

import triggers
from tests.build import live_chain, make_contact, make_template
from triggers.core.words import say
from triggers.models import Message
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
    make_template(account="bulk")
    live_chain([("letter", "send_email", {"template": "reminder"})])
    triggers.capture("add_to_cart", contact=make_contact())
    run_due()
    message = Message.objects.get()
    assert message.state == "failed"
    assert say(message.reason, message.reason_data) == "the settings have no account “bulk”"
