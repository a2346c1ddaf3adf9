"""A provider of the host's own, and one that breaks its contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.build import make_contact, make_template
from tests.delivery.conftest import QueueMessage
from triggers.delivery.breaker import MOST_FAILURES
from triggers.delivery.send import deliver
from triggers.delivery.sms import BaseSMSBackend, SMSMessage, SMSResult
from triggers.delivery.text import send_text
from triggers.models import Lane, Message

TEXT = SMSMessage("1", "+12025550100", "Hi")


class Foreign(BaseSMSBackend):
    def __init__(self, answer: str) -> None:
        self.answer = answer

    def send_messages(self, messages: Sequence[SMSMessage]) -> list[SMSResult]:
        if self.answer == "raise":
            raise RuntimeError("bug")
        if self.answer == "nothing":
            return []
        return [SMSResult(one.uid, self.answer, "id-1", retry_after=5) for one in messages]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("accepted", "accepted"),
        ("refused", "refused"),
        ("not_sent", "not_sent"),
        ("raise", "unknown"),
        ("nothing", "unknown"),
    ],
)
def test_outcomes(settings: Any, answer: str, status: str) -> None:
    provider = {"BACKEND": f"{__name__}.Foreign", "OPTIONS": {"answer": answer}}
    settings.TRIGGERS = {**settings.TRIGGERS, "SMS_PROVIDERS": {"default": provider}}
    assert send_text(TEXT).status == status


@pytest.mark.parametrize(
    "provider",
    [
        {"BACKEND": f"{__name__}.Foreign", "OPTIONS": {"anser": "accepted"}},
        {"BACKEND": "nowhere.Backend"},
        {},
    ],
)
def test_a_provider_that_cannot_be_made_sends_nothing(settings: Any, provider: dict[str, Any]) -> None:
    """Texts used to become `unknown`, which nobody retries."""
    settings.TRIGGERS = {**settings.TRIGGERS, "SMS_PROVIDERS": {"default": provider}}
    assert send_text(TEXT).status == "not_sent"


class Talkative(BaseSMSBackend):
    def send_messages(self, messages: Sequence[SMSMessage]) -> list[SMSResult]:
        detail = "no\0 \ud800 room for ann@example.com " + "x" * 600
        return [
            SMSResult(one.uid, "not_sent", "i\0d\ud800", detail, is_provider_fault=True) for one in messages
        ]


@pytest.mark.django_db
def test_what_a_provider_says_fits_into_every_database(settings: Any, queue_message: QueueMessage) -> None:
    """A long text kept the lane from learning, and a null character kept the message from being recorded."""
    settings.TRIGGERS = {
        **settings.TRIGGERS,
        "SMS_PROVIDERS": {"default": {"BACKEND": f"{__name__}.Talkative"}},
    }
    template = make_template("text", channel="sms")
    for number in range(MOST_FAILURES):
        queue_message(make_contact(number), template)
    deliver("sms.marketing")
    assert {message.state for message in Message.objects.all()} == {"queued"}
    assert {message.provider_id for message in Message.objects.all()} == {"id?"}
    lane = Lane.objects.get()
    assert (lane.failures, lane.opened_at is not None) == (MOST_FAILURES, True)
    assert lane.detail.startswith("no ? room for … xxx")
