"""A restored backup: nothing is sent a second time by itself, and everything can be let go on."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from anymail.signals import AnymailTrackingEvent, tracking
from django.core import mail
from django.core.management import CommandError, call_command
from django.utils import timezone

import triggers
from tests.build import live_chain, make_contact, make_rule, make_template
from triggers.control import is_everything_paused, pause_everything, resume_everything
from triggers.delivery import reconcile as module
from triggers.delivery.reconcile import last_sign_of_life, reconcile
from triggers.delivery.retry import give_up, retry_messages, take_as_sent
from triggers.engine import marks
from triggers.engine.journeys import resume_journeys, retry_failed_events
from triggers.engine.publish import finish_releases, pause_chain
from triggers.engine.turn import turn
from triggers.heartbeat import beat
from triggers.models import Chain, Contact, Event, Heartbeat, Journey, Message, PendingEvent, Transition
from triggers.testing import database_clock, run_due
from triggers.tracking.anymail import receive

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
CHAIN = [
    ("letter", "send_email", {"template": "reminder"}),
    ("wait", "wait", {"amount": 30, "unit": "minutes"}),
    ("second", "send_email", {"template": "reminder"}),
]


@pytest.fixture
def restored() -> dict[str, Contact]:
    """An hour ago the backup was taken: somebody waited, somebody's letter was queued, somebody's event was new."""
    make_template()
    live_chain(CHAIN, goals=["purchase"])
    people = {name: make_contact(number) for number, name in enumerate(("waits", "queued", "new", "later"))}
    PendingEvent.objects.all().delete()
    triggers.capture("add_to_cart", contact=people["waits"])
    run_due()
    mail.outbox.clear()
    triggers.capture("add_to_cart", contact=people["queued"])
    turn(people["queued"].shard)
    triggers.capture("add_to_cart", contact=people["new"])
    _age(HOUR)
    return people


def _age(by: timedelta) -> None:
    """Everything there is happened so much earlier."""
    for model, names in (
        (Chain, ["activated_at"]),
        (Event, ["recorded_at", "occurred_at"]),
        (Journey, ["since", "entered_at", "due_at"]),
        (Message, ["created_at", "send_after"]),
        (Transition, ["at"]),
        (Heartbeat, ["at"]),
    ):
        for row in model.objects.all():
            for name in names:
                setattr(row, name, getattr(row, name) and getattr(row, name) - by)
            row.save()
    marks.forget()


def states() -> tuple[list[str], list[str]]:
    return (
        list(Message.objects.order_by("pk").values_list("state", flat=True)),
        list(Journey.objects.order_by("pk").values_list("status", flat=True)),
    )


def test_nothing_of_the_backup_happens_again_by_itself(restored: dict[str, Contact]) -> None:
    triggers.capture("add_to_cart", contact=restored["later"])
    done = reconcile()
    # The second's journey is due at once: its letter was queued in the same turn as the wait began.
    assert (done.messages, done.journeys, done.events) == (1, 2, 1)
    assert is_everything_paused()
    with database_clock(timezone.now() + 2 * HOUR):
        run_due()
        assert not mail.outbox
        resume_everything()
        run_due()
    # Only what the shop said after the restore goes its way.
    assert {one.to[0] for one in mail.outbox} == {restored["later"].email}
    assert states()[0][:2] == ["accepted", "unknown"]
    assert states()[1][:2] == ["paused", "paused"]


def test_a_person_can_let_all_of_it_go_on(restored: dict[str, Contact]) -> None:
    reconcile()
    resume_everything()
    assert resume_journeys(Journey.objects.values_list("pk", flat=True)) == 2
    assert retry_messages(Message.objects.filter(state="unknown").values_list("pk", flat=True)) == 1
    assert retry_failed_events(PendingEvent.objects.values_list("pk", flat=True)) == 1
    run_due()
    assert {one.to[0] for one in mail.outbox} == {restored[name].email for name in ("waits", "queued", "new")}


def test_the_reasons_name_the_moment_of_the_backup(restored: dict[str, Contact]) -> None:
    done = reconcile()
    message = Message.objects.get(state="unknown")
    assert message.reason_data == {"backup_at": done.backup_at.isoformat()}
    assert "backup of %(backup_at)s" in message.reason
    moves = [one.transitions.latest("seq") for one in Journey.objects.all()]
    assert {move.data["backup_at"] for move in moves} == {done.backup_at.isoformat()}
    assert done.backup_at.isoformat() in PendingEvent.objects.get().error


def test_a_second_run_changes_nothing_even_when_workers_have_been_started(
    restored: dict[str, Contact], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SLICE", 1)
    first = reconcile()
    triggers.capture("add_to_cart", contact=restored["later"])
    beat("tick")
    second = reconcile()
    assert (second.backup_at, second.messages, second.journeys, second.events) == (first.backup_at, 0, 0, 0)
    assert PendingEvent.objects.filter(is_set_aside=False).count() == 1


def test_what_moved_since_the_restore_is_left_alone(restored: dict[str, Contact]) -> None:
    backup_at = last_sign_of_life()
    run_due()
    now = timezone.now()
    Journey.objects.update(
        status="active", active_slot=1, since=now, due_at=now - timedelta(seconds=1), ended_at=None
    )
    done = reconcile(backup_at)
    assert (done.messages, done.journeys, done.events) == (0, 0, 0)


def test_what_a_person_let_go_on_is_not_stopped_again(restored: dict[str, Contact]) -> None:
    reconcile()
    resume_journeys(Journey.objects.values_list("pk", flat=True))
    assert reconcile().journeys == 0
    assert set(states()[1]) == {"active"}


def test_who_waits_behind_a_letter_that_was_put_off_is_set_aside() -> None:
    """The wait begins at the letter's moment, after the backup's: the second letter used to leave once more."""
    make_template()
    make_rule(quiet="22:00-08:00")
    live_chain(CHAIN)
    contact = make_contact(time_zone="UTC")
    PendingEvent.objects.all().delete()
    six = (timezone.now() + timedelta(days=1)).replace(hour=6, minute=0, second=0, microsecond=0)
    with database_clock(six):
        triggers.capture("add_to_cart", contact=contact)
        Event.objects.update(recorded_at=six)
        run_due()
    assert Journey.objects.get().since == six + 2 * HOUR
    with database_clock(six + 4 * HOUR):
        reconcile(six + HOUR)
        resume_everything()
        run_due()
    assert states() == (["unknown"], ["paused"])
    assert not mail.outbox


def test_each_restore_has_its_own_moment(restored: dict[str, Contact]) -> None:
    """The moment of the first restore travelled in later backups, and was taken for that of the next one."""
    reconcile(timezone.now() - timedelta(days=60))
    resume_everything()
    pause_everything("restored a second time")
    last = last_sign_of_life()
    assert reconcile().backup_at == last


@pytest.fixture
def half_released(restored: dict[str, Contact]) -> dict[str, Contact]:
    """The backup was taken while its chain was being let go: a letter is still held, and a journey still parked."""
    chain = Chain.objects.get()
    pause_chain(chain)
    turn(restored["waits"].shard)
    assert sorted(states()[1]) == ["active", "paused"]
    Transition.objects.update(at=timezone.now() - HOUR)
    Chain.objects.update(status="live", resuming_until=timezone.now() - HOUR)
    return restored


def test_what_was_on_its_way_out_of_a_pause_is_set_aside(half_released: dict[str, Contact]) -> None:
    """The first tick used to let it go, and it was sent once more."""
    done = reconcile()
    assert (done.messages, done.journeys, done.events) == (1, 2, 1)
    resume_everything()
    run_due()
    assert states() == (["accepted", "unknown"], ["paused", "paused"])
    assert not mail.outbox
    assert Chain.objects.get().resuming_until is None


def test_no_release_goes_on_while_everything_is_paused(half_released: dict[str, Contact]) -> None:
    before = states()
    pause_everything("restored")
    finish_releases()
    assert states() == before
    resume_everything()
    finish_releases()
    assert states() == (["accepted", "queued"], ["active", "active"])


def test_a_late_report_still_counts_for_what_a_person_gave_up(restored: dict[str, Contact]) -> None:
    reconcile()
    message = Message.objects.get(state="unknown")
    assert message.unknown_since
    give_up([message.pk])
    receive(AnymailTrackingEvent(event_type="delivered", metadata={"triggers_message": message.uid.hex}))
    message.refresh_from_db()
    assert message.state == "delivered"


def test_what_may_have_left_takes_room_under_a_cap(restored: dict[str, Contact]) -> None:
    make_rule((1, 24))
    done = reconcile()
    message = Message.objects.get(state="unknown")
    assert message.sending_at == max(message.send_after, done.backup_at)
    take_as_sent([message.pk])
    resume_everything()
    PendingEvent.objects.all().delete()
    other = live_chain(CHAIN[:1], key="other")
    triggers.capture("add_to_cart", contact=restored["queued"])
    run_due()
    assert Journey.objects.get(chain=other).status == "finished"
    assert not mail.outbox


def test_a_message_that_was_being_sent_is_in_doubt_and_one_of_tomorrow_is_not(
    restored: dict[str, Contact],
) -> None:
    Message.objects.filter(state="queued").update(send_after=timezone.now() + HOUR)
    Message.objects.filter(state="accepted").update(state="sending", lease_until=timezone.now() + HOUR)
    reconcile()
    assert states()[0] == ["unknown", "queued"]
    assert Message.objects.get(state="unknown").lease_until is None


@pytest.mark.parametrize("state", ["held", "unknown"])
def test_what_would_come_back_into_the_queue_by_itself_does_not(
    restored: dict[str, Contact], state: str
) -> None:
    Message.objects.filter(state="queued").update(state=state, lease_until=timezone.now())
    assert reconcile().messages == 1
    assert Message.objects.get(state="unknown").lease_until is None
    assert reconcile().messages == 0


def test_what_became_of_a_given_up_message_is_still_heard(restored: dict[str, Contact]) -> None:
    """Nobody knows since when it is in doubt but the backup; without that a report after the case was closed was lost."""
    reconcile()
    message = Message.objects.get(state="unknown")
    assert give_up([message.pk]) == 1
    event = AnymailTrackingEvent(
        event_type="delivered", metadata={"triggers_message": message.uid.hex}, recipient=message.address
    )
    tracking.send(sender=object, event=event, esp_name="Test")
    message.refresh_from_db()
    assert message.state == "delivered"


def test_a_rehearsal_changes_nothing(restored: dict[str, Contact]) -> None:
    before = states()
    out = StringIO()
    call_command("triggers_reconcile", "--dry-run", stdout=out)
    assert states() == before
    assert not is_everything_paused()
    assert "unknown: 1\n" in out.getvalue()
    assert "paused: 2\n" in out.getvalue()
    assert "Nothing was changed" in out.getvalue()


def test_the_command_says_what_it_did_and_what_is_next(restored: dict[str, Contact]) -> None:
    out = StringIO()
    call_command("triggers_reconcile", stdout=out)
    assert "triggers_resume" in out.getvalue()
    assert is_everything_paused()


@pytest.mark.parametrize("wrong", ["", "yesterday", "2026-02-30T00:00", "2026-13-01", "9999-01-01T00:00:00Z"])
def test_a_moment_that_is_none_is_refused(restored: dict[str, Contact], wrong: str) -> None:
    with pytest.raises(CommandError):
        call_command("triggers_reconcile", f"--backup-moment={wrong}")
    assert not is_everything_paused()


def test_a_moment_without_an_offset_is_in_the_shops_zone(restored: dict[str, Contact], settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    with timezone.override("Asia/Tokyo"):
        out = StringIO()
        call_command("triggers_reconcile", "--dry-run", "--backup-moment=2026-03-01T09:00", stdout=out)
    assert "2026-03-01T09:00:00+09:00" in out.getvalue()


def test_an_empty_database_has_nothing_to_reconcile() -> None:
    with pytest.raises(CommandError, match="nothing to reconcile"):
        call_command("triggers_reconcile")
    assert not is_everything_paused()


def test_statements_do_not_grow_with_the_rows(
    restored: dict[str, Contact], django_assert_max_num_queries: Any
) -> None:
    message = Message.objects.get(state="queued")
    for number in range(50):
        contact = make_contact(1000 + number, agrees=False)
        Message.objects.create(
            contact=contact,
            template_key="reminder",
            channel="email",
            message_class="marketing",
            lane="email.marketing",
            created_at=message.created_at,
            send_after=message.send_after,
        )
    with django_assert_max_num_queries(3 * 64 * 2 + 40):
        assert reconcile().messages == 51
