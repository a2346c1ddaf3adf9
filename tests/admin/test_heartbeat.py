"""The health page says in words what is wrong, and lets people mend it who may."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client, override_settings
from django.utils import timezone

import triggers
from tests.admin.conftest import Staff
from tests.build import live_chain, make_contact, make_template
from triggers.admin.heartbeat import pace
from triggers.heartbeat import beat
from triggers.models import Heartbeat, Journey, Message, PendingEvent
from triggers.testing import run_due

PAGE = "/admin/triggers/heartbeat/"
HOUR = timedelta(hours=1)


@pytest.fixture
def busy(db: None) -> Journey:
    make_template()
    live_chain(
        [
            ("letter", "send_email", {"template": "reminder"}),
            ("wait_1", "wait", {"amount": 3, "unit": "hours"}),
        ]
    )
    triggers.capture("add_to_cart", contact=make_contact())
    run_due()
    return Journey.objects.get()


def said(client: Client) -> str:
    return client.get(PAGE).content.decode()


def test_all_is_well(boss: Client, busy: Journey) -> None:
    beat("tick")
    text = said(boss)
    assert "OK" in text
    assert "Needs a look" not in text


def test_no_worker(boss: Client) -> None:
    assert "No worker has ever looked for work" in said(boss)
    beat("tick")
    Heartbeat.objects.update(at=timezone.now() - HOUR)
    text = said(boss)
    assert "No worker has looked for work since" in text
    assert "triggers_run" in text


def test_what_is_late_is_said(boss: Client, busy: Journey) -> None:
    beat("tick")
    Journey.objects.update(due_at=timezone.now() - HOUR)
    Message.objects.update(state="queued", send_after=timezone.now() - HOUR)
    triggers.capture("login", contact=busy.contact)
    busy.contact.events.update(recorded_at=timezone.now() - HOUR)
    text = said(boss)
    for part in (
        "1 journey is due",
        "1 event has not been looked at",
        "1 message waits in the lane email.marketing",
    ):
        assert part in text


def test_failures_can_be_tried_again(boss: Client, busy: Journey) -> None:
    message = Message.objects.get()
    Journey.objects.update(status="failed", active_slot=None, due_at=None, error="KeyError: x")
    Message.objects.update(
        state="failed", reason="the provider refused it: %(detail)s", reason_data={"detail": "550"}
    )
    triggers.capture("login", contact=busy.contact)
    PendingEvent.objects.update(is_set_aside=True, error="ValueError: y")
    text = said(boss)
    for part in (
        "KeyError: x",
        "the provider refused it: 550",
        "ValueError: y",
        "3 failures wait for a person",
    ):
        assert part in text
    event = PendingEvent.objects.get()
    for what, pk in (("journeys", busy.pk), ("messages", message.pk), ("events", event.pk)):
        boss.post(f"{PAGE}retry/{what}/", {"pk": pk})
    busy.refresh_from_db()
    message.refresh_from_db()
    event.refresh_from_db()
    assert (busy.status, message.state, event.is_set_aside) == ("active", "queued", False)


def test_retrying_needs_the_right_to_change(staff: Staff, busy: Journey) -> None:
    Message.objects.update(state="failed")
    client = staff("view_heartbeat", "change_journey")
    assert "Try the chosen ones again" not in said(client)
    assert client.post(f"{PAGE}retry/messages/", {"pk": Message.objects.get().pk}).status_code == 403
    assert Message.objects.get().state == "failed"
    assert staff("view_contact").get(PAGE).status_code == 403


def test_what_may_arrive_twice_is_not_chosen_beforehand(boss: Client, busy: Journey) -> None:
    pk = Message.objects.get().pk
    Message.objects.update(state="failed")
    assert f'value="{pk}" checked' in said(boss)
    Message.objects.update(state="unknown")
    assert f'value="{pk}" checked' not in said(boss)


def test_forged_retries(boss: Client, busy: Journey) -> None:
    Message.objects.update(state="failed")
    for what in ("everything", "messages"):
        for pk in ("", "x", "-1", "9" * 40, "999999"):
            assert boss.post(f"{PAGE}retry/{what}/", {"pk": pk}).status_code == 302
    assert boss.get(f"{PAGE}retry/messages/", {"pk": Message.objects.get().pk}).status_code == 302
    assert Message.objects.get().state == "failed"


def test_a_shortened_clock_is_said(boss: Client) -> None:
    with override_settings(TRIGGERS={"WAIT_SCALE": 0.01}):
        assert "WAIT_SCALE is 0.01" in said(boss)
    assert "WAIT_SCALE" not in said(boss)


@pytest.mark.parametrize(
    ("scale", "words"),
    [
        (1 / 1200, "1 hour passes in 3 seconds."),
        (1 / 3600, "1 hour passes in 1 second."),
        (0.0001, "1 hour passes in 0.360 seconds."),
        (0.025, "1 hour passes in 1.5 minutes."),
        (24, "1 hour passes in 24 hours."),
    ],
)
def test_the_clock_in_words(scale: float, words: str) -> None:
    assert pace(scale) == words
