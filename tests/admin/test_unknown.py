"""The page of unknown messages: what it says, to whom, and what its buttons do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.admin.conftest import Staff
from tests.build import make_contact, make_template
from triggers.admin import unknown
from triggers.models import Message

PAGE = "/admin/triggers/message/unknown/"


def make(number: int = 1, **fields: Any) -> Message:
    now = timezone.now()
    defaults = {
        "contact": make_contact(number),
        "template_key": "reminder",
        "channel": "email",
        "message_class": "marketing",
        "lane": "email.marketing",
        "state": "unknown",
        "unknown_since": now,
        "created_at": now,
        "send_after": now,
        "expires_at": now + timedelta(days=1),
        "reason": "it cannot be known whether it was sent: %(detail)s",
        "reason_data": {"detail": "TimeoutError"},
    }
    return Message.objects.create(**(defaults | fields))


def said(client: Client) -> str:
    return client.get(PAGE).content.decode()


def test_nothing_in_doubt(boss: Client) -> None:
    assert "There are none." in said(boss)


def test_each_message_says_what_can_be_done(boss: Client, settings: Any) -> None:
    message = make()
    text = said(boss)
    for part in ("TimeoutError", message.uid.hex, str(message.contact), "may make a second copy"):
        assert part in text
    Message.objects.update(lease_until=timezone.now() + timedelta(minutes=9))
    assert "it is sent once more, unless" in said(boss)
    account = {"default": {"BACKEND": "anymail.backends.resend.EmailBackend"}}
    settings.TRIGGERS = {**settings.TRIGGERS, "EMAIL_ACCOUNTS": account}
    assert "it is sent again by itself" in said(boss)
    Message.objects.update(lease_until=None)
    assert "Sending it again is safe for now" in said(boss)
    Message.objects.update(unknown_since=timezone.now() - timedelta(days=1))
    assert "may make a second copy" in said(boss)


@pytest.mark.parametrize(
    ("verb", "state"), [("arrived", "accepted"), ("again", "queued"), ("give_up", "cancelled")]
)
def test_the_buttons_settle_what_was_chosen(boss: Client, verb: str, state: str) -> None:
    chosen, other, failed = make(1), make(2), make(3, state="failed")
    answer = boss.post(PAGE, {"verb": verb, "pk": [chosen.pk, failed.pk]}, follow=True)
    assert "1 message is settled." in answer.content.decode()
    assert [Message.objects.get(pk=one.pk).state for one in (chosen, other, failed)] == [
        state,
        "unknown",
        "failed",
    ]


def test_forged_requests_change_nothing(boss: Client) -> None:
    message = make()
    for data in ({}, {"verb": "again"}, {"verb": "delete", "pk": message.pk}, {"pk": message.pk}):
        assert boss.post(PAGE, data).status_code == 302
    for pk in ("", "x", "-1", "9" * 40, "٣", "\0"):
        assert boss.post(PAGE, {"verb": "again", "pk": pk}).status_code == 302
    assert boss.get(f"{PAGE}?verb=again&pk={message.pk}").status_code == 200
    assert Message.objects.get().state == "unknown"


def test_rights(staff: Staff) -> None:
    message = make()
    assert staff("view_contact").get(PAGE).status_code == 403
    looks = staff("view_message")
    text = said(looks)
    assert message.contact.email not in text
    assert "Send them again" not in text
    assert looks.post(PAGE, {"verb": "again", "pk": message.pk}).status_code == 403
    assert "Send them again" in said(staff("change_message"))
    assert str(message.contact) in said(staff("view_message", "view_contact"))
    assert Client().get(PAGE).status_code == 302


def test_the_page_is_bounded(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unknown, "MOST_ROWS", 3)
    make(1)
    said(boss)
    with CaptureQueriesContext(connection) as one:
        said(boss)
    for number in range(2, 7):
        make(number)
    with CaptureQueriesContext(connection) as many:
        assert "3 of 6 are shown" in said(boss)
    assert len(many) == len(one) + 1


def test_health_leads_here(boss: Client, staff: Staff) -> None:
    make_template()
    make()
    assert PAGE in boss.get("/admin/triggers/heartbeat/").content.decode()
    assert PAGE not in staff("view_heartbeat").get("/admin/triggers/heartbeat/").content.decode()
