"""Messages and journeys: looked at, acted on by those who may, never edited."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

import triggers
from tests.admin.conftest import Staff
from tests.build import live_chain, make_contact, make_template
from triggers.models import Journey, Message, MessageBody, MessageState
from triggers.testing import run_due

WAIT = ("wait_1", "wait", {"amount": 3, "unit": "hours"})


@pytest.fixture
def sent(db: None) -> Message:
    """A letter that left, of a journey that waits for what comes next."""
    make_template()
    live_chain([("letter", "send_email", {"template": "reminder"}), WAIT])
    triggers.capture("add_to_cart", contact=make_contact(first_name="Anna"))
    run_due()
    return Message.objects.get()


def test_the_letter_is_for_those_who_may_see_contacts(staff: Staff, sent: Message) -> None:
    """The right to see messages used to show address and letter, and so the person whose name was hidden."""
    MessageBody.objects.update(subject="Anna, look", html="<p>Anna</p>", text="Anna")
    page, body = (f"/admin/triggers/message/{sent.pk}/{verb}/" for verb in ("change", "body"))
    client = staff("view_message", "change_message")
    text = client.get(page).content.decode()
    assert "reminder" in text
    for secret in ("Anna", "person1@example.com", "/body/"):
        assert secret not in text
    assert client.get(body).status_code == 403
    for right in ("view_contact", "change_contact"):
        client = staff("view_message", right)
        text = client.get(page).content.decode()
        assert "Anna, look" in text
        assert "person1@example.com" in text
        assert client.get(body).content == b"<p>Anna</p>"
    assert client.get("/admin/triggers/message/987654321/body/").status_code == 404


def act(client: Client, model: str, action: str, pk: int) -> Any:
    return client.post(f"/admin/triggers/{model}/", {"action": action, "_selected_action": pk}, follow=True)


def test_what_was_said_and_what_became_of_it(boss: Client, sent: Message) -> None:
    text = boss.get(f"/admin/triggers/message/{sent.pk}/change/").content.decode()
    assert "You left something" in text
    assert f"/admin/triggers/message/{sent.pk}/body/" in text
    Message.objects.update(
        state="suppressed", reason="the address is suppressed: %(why)s", reason_data={"why": "hard bounce"}
    )
    for address in ("", f"{sent.pk}/change/"):
        assert (
            "the address is suppressed: hard bounce"
            in boss.get(f"/admin/triggers/message/{address}").content.decode()
        )


@pytest.mark.parametrize("text", ["person1@example.com", "Anna", "uid", "old@example.com"])
def test_search(text: str, boss: Client, sent: Message) -> None:
    Message.objects.create(
        **{
            name: getattr(sent, name)
            for name in ("template_key", "channel", "message_class", "lane", "created_at", "send_after")
        },
        contact=make_contact(2),
        address="else@example.com",
    )
    if text == "old@example.com":
        Message.objects.filter(pk=sent.pk).update(address=text)
    page = boss.get("/admin/triggers/message/", {"q": str(sent.uid) if text == "uid" else text})
    assert [row.pk for row in page.context["cl"].result_list] == [sent.pk]


def test_retry_warns_of_second_copies(boss: Client, sent: Message) -> None:
    act(boss, "message", "retry_selected", sent.pk)
    sent.refresh_from_db()
    assert sent.state == MessageState.ACCEPTED
    Message.objects.update(state="unknown")
    assert "may get them twice" in act(boss, "message", "retry_selected", sent.pk).content.decode()
    sent.refresh_from_db()
    assert sent.state == MessageState.QUEUED
    act(boss, "message", "cancel_selected", sent.pk)
    sent.refresh_from_db()
    assert sent.state == MessageState.CANCELLED


def test_journeys_are_taken_out_and_let_go_on(boss: Client, sent: Message) -> None:
    journey = Journey.objects.get()
    Journey.objects.update(status="paused", due_at=None)
    act(boss, "journey", "resume_selected", journey.pk)
    journey.refresh_from_db()
    assert journey.status == "active"
    act(boss, "journey", "exit_selected", journey.pk)
    journey.refresh_from_db()
    assert journey.status == "exited"
    assert (
        "Taken out by a person" in boss.get(f"/admin/triggers/journey/{journey.pk}/change/").content.decode()
    )


def test_acting_needs_the_right_to_change(staff: Staff, sent: Message) -> None:
    journey = Journey.objects.get()
    Message.objects.update(state="queued")
    client = staff("view_message", "view_journey")
    act(client, "message", "cancel_selected", sent.pk)
    act(client, "journey", "exit_selected", journey.pk)
    sent.refresh_from_db()
    journey.refresh_from_db()
    assert (sent.state, journey.status) == ("queued", "active")
    act(staff("change_message"), "message", "cancel_selected", sent.pk)
    sent.refresh_from_db()
    assert sent.state == "cancelled"


@pytest.mark.parametrize("model", ["message", "journey", "event", "heartbeat"])
def test_nobody_edits_adds_or_deletes(model: str, boss: Client, sent: Message) -> None:
    row = {
        "message": sent.pk,
        "journey": sent.journey_id,
        "event": sent.contact.events.latest("pk").pk,
        "heartbeat": "tick",
    }
    assert boss.get(f"/admin/triggers/{model}/add/").status_code == 403
    for verb in ("change", "delete"):
        assert boss.post(f"/admin/triggers/{model}/{row[model]}/{verb}/", {"post": "yes"}).status_code == 403
