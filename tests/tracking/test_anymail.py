"""What providers report through Anymail's signal: states only rise, strangers change nothing."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from anymail.signals import AnymailTrackingEvent, tracking
from django.core import mail
from django.utils import timezone

from tests.build import draft_chain, make_contact
from triggers.delivery.send import deliver
from triggers.models import ChainDay, Event, Message, Suppression

pytestmark = pytest.mark.django_db


@pytest.fixture
def message() -> Message:
    now = timezone.now()
    contact = make_contact(agrees=False, email="ann@example.com")
    return Message.objects.create(
        contact=contact, channel="email", template_key="reminder", step="letter", state="accepted", lane="email.marketing",
        message_class="marketing", address="Ann@Example.com", created_at=now, send_after=now, accepted_at=now,
    )  # fmt: skip


def report(message: Message | None, kind: str, **fields: Any) -> None:
    """As a webhook view of Anymail does."""
    metadata = {"triggers_message": str(message.uid)} if message else {}
    event = AnymailTrackingEvent(
        **{"event_type": kind, "metadata": metadata, "recipient": "eve@example.com"} | fields
    )
    tracking.send(sender=object, event=event, esp_name="Test")


def state(message: Message) -> str:
    message.refresh_from_db()
    return message.state


@pytest.mark.parametrize(
    ("before", "kinds", "after"),
    [
        ("accepted", ["delivered"], "delivered"),
        ("unknown", ["sent"], "accepted"),
        ("unknown", ["delivered"], "delivered"),
        ("sending", ["delivered"], "delivered"),
        ("accepted", ["delivered", "sent"], "delivered"),
        ("accepted", ["bounced", "delivered"], "bounced"),
        ("delivered", ["bounced"], "bounced"),
        ("accepted", ["complained", "bounced", "delivered", "sent"], "complained"),
        ("accepted", ["rejected"], "bounced"),
        (
            "accepted",
            ["queued", "deferred", "autoresponded", "unknown", "subscribed", "nonsense"],
            "accepted",
        ),
        ("cancelled", ["delivered"], "cancelled"),
        ("queued", ["delivered"], "queued"),
        ("failed", ["sent"], "failed"),
    ],
)
def test_states_only_rise(message: Message, before: str, kinds: list[str], after: str) -> None:
    Message.objects.update(state=before, lease_until=timezone.now() if before == "sending" else None)
    for kind in kinds * 2:
        report(message, kind)
    assert state(message) == after
    assert (message.lease_until is None) or before == after


def test_an_unknown_message_that_arrived_has_been_handed_over(message: Message) -> None:
    Message.objects.update(state="unknown", accepted_at=None)
    report(message, "delivered")
    message.refresh_from_db()
    assert message.accepted_at is not None


@pytest.mark.parametrize("before", ["queued", "held"])
@pytest.mark.parametrize(
    ("kind", "after"), [("sent", "accepted"), ("delivered", "delivered"), ("bounced", "bounced")]
)
def test_news_of_the_first_copy_keep_a_second_one_from_leaving(
    message: Message, before: str, kind: str, after: str
) -> None:
    """A message that was queued again after `unknown` used to leave although the first copy had arrived."""
    Message.objects.update(state=before, attempt=1, reason="queued again by a person")
    report(message, kind)
    assert (state(message), message.reason) == (after, "")
    deliver(message.lane)
    assert not mail.outbox


@pytest.mark.parametrize(
    ("kind", "reject_reason", "reason"),
    [
        ("bounced", "bounced", "bounce"),
        ("bounced", "invalid", "bounce"),
        ("bounced", None, "bounce"),
        ("bounced", "timed_out", None),
        ("bounced", "other", None),
        ("complained", None, "complaint"),
        ("rejected", "blocked", None),
    ],
)
def test_hard_bounces_and_complaints_end_an_address(
    message: Message, kind: str, reject_reason: Any, reason: Any
) -> None:
    """The address that we wrote to, however the webhook calls its recipient."""
    for _time in range(2):
        report(
            message, kind, reject_reason=reject_reason, description="550 no such user\0\ud800" + "x" * 1000
        )
    expected = [("email", "ann@example.com", reason)] if reason else []
    assert list(Suppression.objects.values_list("channel", "address", "reason")) == expected


@pytest.mark.parametrize(("kind", "column"), [("opened", "opened_at"), ("clicked", "clicked_at")])
def test_the_first_reaction_is_an_event(message: Message, kind: str, column: str) -> None:
    for _time in range(3):
        report(message, kind)
    event = Event.objects.get()
    assert (event.name, event.contact, event.object_ref) == (
        f"email_{kind}",
        message.contact,
        f"message:{message.uid}",
    )
    assert event.data == {"template": "reminder", "step": "letter"}
    message.refresh_from_db()
    assert getattr(message, column) is not None
    assert message.state == "accepted"


@pytest.mark.parametrize(
    "metadata",
    [None, {}, {"triggers_message": ""}, {"triggers_message": "nonsense"}, {"triggers_message": None},
     {"triggers_message": ["a"]}, {"triggers_message": str(uuid4())}, {"other": "x"}],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["delivered", "bounced", "opened"])
def test_what_is_not_ours_changes_nothing(message: Message, metadata: Any, kind: str) -> None:
    report(None, kind, metadata=metadata)
    assert state(message) == "accepted"
    assert not Suppression.objects.exists()
    assert not Event.objects.exists()


def test_bounces_and_complaints_are_counted_for_their_chain_once(message: Message) -> None:
    chain = draft_chain([("bye", "exit", {})])
    Message.objects.update(chain=chain)
    for kind in ("delivered", "bounced", "bounced", "complained", "delivered", "complained"):
        report(message, kind)
    assert list(ChainDay.objects.values_list("sent", "bounced", "complained")) == [(0, 1, 1)]
