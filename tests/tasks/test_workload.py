"""Who is served first when one process does everything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from tests.build import make_contact, make_template
from triggers.delivery.lane import pause_lane
from triggers.models import Contact, Message, Template
from triggers.testing import database_clock
from triggers.workload import do_work, gives_way

pytestmark = pytest.mark.django_db


def queue(contact: Contact, template: Template, age: float = 60.0) -> Message:
    moment = timezone.now() - timedelta(seconds=age)
    return Message.objects.create(
        contact=contact,
        template_key=template.key,
        channel="email",
        message_class=template.message_class,
        lane=f"email.{template.message_class}",
        topic=template.topic,
        created_at=moment,
        send_after=moment,
    )


@pytest.fixture
def thanks() -> Template:
    return make_template("thanks", message_class="transactional")


def test_a_newsletter_gives_way_to_orders_that_wait(thanks: Template) -> None:
    contact = make_contact()
    queue(contact, make_template())
    assert not gives_way("email.marketing")
    message = queue(contact, thanks)
    with database_clock(message.send_after + timedelta(seconds=1)):
        assert not gives_way("email.marketing")
    with database_clock(message.send_after + timedelta(seconds=3)):
        assert gives_way("email.marketing")
        assert gives_way("sms.marketing.bulk")
        assert not gives_way("email.transactional")
        pause_lane("email.transactional")
        assert not gives_way("email.marketing")


sent: list[str] = []


class OrdersComeIn(BaseEmailBackend):
    """While the newsletter goes out, somebody orders."""

    def send_messages(self, email_messages: Sequence[Any]) -> int:
        sent.extend(message.tags[0] for message in email_messages)
        return len(email_messages)


def test_a_process_that_does_everything_leaves_a_newsletter_for_an_order(
    settings: Any, thanks: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It used to stay with the newsletter for twenty seconds."""
    account = {"default": {"BACKEND": f"{__name__}.OrdersComeIn"}}
    settings.TRIGGERS = {
        **settings.TRIGGERS,
        "EMAIL_ACCOUNTS": account,
        "SEND_CONCURRENCY": 1,
        "TICK_SECONDS": 0,
    }
    sent.clear()
    contact, template = make_contact(), make_template()
    for _time in range(3):
        queue(contact, template)
    looks = iter([[], [1], []])
    monkeypatch.setattr("triggers.workload.with_work", lambda: next(looks, []))
    do_work()
    assert sent == []
    queue(contact, thanks, age=0)
    do_work()
    assert sent == ["thanks", "reminder", "reminder", "reminder"]
