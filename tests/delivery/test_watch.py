"""A chain that does harm is paused once, says why, and is counted anew after a person resumed it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends import smtp
from django.utils import timezone

import triggers
from tests.build import live_chain, make_contact, make_template
from triggers.delivery.tally import day_of
from triggers.delivery.watch import Figures, count, find_alarms, judge, watch_chains
from triggers.engine.publish import pause_chain, publish, resume_chain
from triggers.engine.turn import turn
from triggers.models import Chain, ChainDay, Message
from triggers.testing import run_due


@pytest.mark.parametrize(
    ("figures", "is_marketing", "expected"),
    [
        (Figures(), True, None),
        (Figures(sent=199, complained=199, bounced=199), True, None),
        (Figures(sent=200), True, None),
        (Figures(sent=1000, complained=1), True, False),
        (Figures(sent=1001, complained=1), True, None),
        (Figures(sent=1000, complained=3), True, True),
        (Figures(sent=1001, complained=3), True, False),
        (Figures(sent=200, bounced=10), True, True),
        (Figures(sent=200, bounced=9), True, None),
        # Order confirmations do not stop because of complaints.
        (Figures(sent=200, complained=200, bounced=200), False, None),
        (Figures(failing=19), True, None),
        (Figures(failing=20), True, True),
        (Figures(failing=20), False, True),
        (Figures(sent=500, failing=20), False, True),
    ],
)
def test_judgements(figures: Figures, is_marketing: bool, expected: bool | None) -> None:
    verdict = judge(figures, is_marketing=is_marketing)
    assert (verdict and verdict[0]) == expected


def test_limits_are_settings(settings: Any) -> None:
    settings.TRIGGERS = {"COMPLAINT_STOP": 2, "COMPLAINT_WARN": 2, "BOUNCE_STOP": 2, "FAILURES_STOP": 3}
    assert judge(Figures(sent=1000, complained=1000, bounced=1000), is_marketing=True) is None
    assert judge(Figures(failing=3), is_marketing=True)


def day(ago: int, channel: str = "email", kind: str = "marketing", **counts: Any) -> ChainDay:
    return ChainDay(
        day=day_of(timezone.now() - timedelta(days=ago)), channel=channel, message_class=kind, **counts
    )


def test_figures_are_of_one_channel_and_class() -> None:
    found = count(
        [
            day(0, failing=3, sent=4, sent_before=4),
            day(0, "sms", sent=7),
            day(0, kind="transactional", sent=1, failing=1),
            day(1, failing=2, sent=5, sent_before=1, complained=2, complained_before=2),
            day(1, kind="transactional", failing=9),
            day(2, failing=8, bounced=1),
        ]
    )
    # Failures in a row go back to the newest day on which something was handed over.
    assert found["email", "marketing"] == Figures(sent=4, bounced=1, complained=0, failing=5)
    assert found["sms", "marketing"] == Figures(sent=7)
    assert found["email", "transactional"] == Figures(sent=1, failing=1)


@pytest.fixture
def chain(db: None) -> Chain:
    """Live for a month; somebody is inside, with a letter in the queue."""
    make_template()
    chain = live_chain([("letter", "send_email", {"template": "reminder"})])
    contact = make_contact()
    triggers.capture("add_to_cart", contact=contact)
    turn(contact.shard)
    Chain.objects.update(activated_at=timezone.now() - timedelta(days=30))
    chain.refresh_from_db()
    return chain


def add(chain: Chain, ago: int, **counts: Any) -> None:
    row = day(ago, **counts)
    row.chain = chain
    row.save()


@pytest.fixture
def managers(settings: Any) -> None:
    settings.MANAGERS = [("Boss", "boss@shop.test")]


def test_a_chain_that_people_complain_about_is_paused_once(chain: Chain, managers: None) -> None:
    add(chain, 0, sent=400, complained=1)
    add(chain, 6, sent=100, complained=1)
    add(chain, 7, sent=100_000)
    assert watch_chains() == [chain]
    chain.refresh_from_db()
    assert chain.status == "paused"
    assert chain.paused_at
    assert chain.paused_data == {"count": 2, "sent": 500, "limit": "0.3"}
    assert Message.objects.get().state == "held"
    (letter,) = mail.outbox
    assert letter.to == ["boss@shop.test"]
    assert "2 of 500 messages of the last 7 days were complained about; the limit is 0.3 %" in letter.body
    assert watch_chains() == []
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("publishes", [True, False])
def test_counting_starts_anew_when_a_person_resumes_it(chain: Chain, publishes: bool) -> None:
    add(chain, 0, sent=500, complained=50, failing=30)
    add(chain, 1, sent=500, complained=50)
    watch_chains()
    chain.refresh_from_db()
    publish(chain) if publishes else resume_chain(chain)
    chain.refresh_from_db()
    assert (chain.status, chain.paused_why, chain.paused_data, chain.paused_at) == ("live", "", {}, None)
    assert watch_chains() == []
    today = ChainDay.objects.filter(day=day_of(timezone.now()))
    today.update(sent=700, complained=50)
    # Late complaints about what was sent before are not held against it either.
    ChainDay.objects.exclude(pk__in=today).update(complained=99)
    assert find_alarms(timezone.now()) == []
    today.update(complained=51)
    assert watch_chains() == [chain]


def test_a_warning_pauses_nothing(chain: Chain, managers: None) -> None:
    add(chain, 0, sent=1000, complained=1)
    assert watch_chains() == []
    (alarm,) = find_alarms(timezone.now())
    assert not alarm.is_stop
    assert find_alarms(timezone.now(), chain) == [alarm]
    chain.refresh_from_db()
    assert chain.status == "live"
    assert not mail.outbox


def test_a_pause_by_a_person_has_no_reason_of_ours(chain: Chain) -> None:
    assert pause_chain(chain)
    assert not pause_chain(chain)
    chain.refresh_from_db()
    assert chain.paused_why == ""
    assert isinstance(chain.paused_at, datetime)


def test_managers_who_cannot_be_told_do_not_keep_the_chain_running(
    chain: Chain, managers: None, settings: Any
) -> None:
    settings.EMAIL_BACKEND = "nowhere.Backend"
    add(chain, 0, failed=20, failing=20)
    assert watch_chains() == [chain]
    chain.refresh_from_db()
    assert chain.status == "paused"


def test_a_silent_mail_server_does_not_hold_the_watch_for_ever(
    chain: Chain, managers: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    timeouts: list[float | None] = []

    def send_messages(backend: smtp.EmailBackend, messages: list[Any]) -> int:
        timeouts.append(backend.timeout)
        return len(messages)

    monkeypatch.setattr(smtp.EmailBackend, "send_messages", send_messages)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_TIMEOUT = None
    settings.TRIGGERS = {**settings.TRIGGERS, "SEND_TIMEOUT": 7}
    add(chain, 0, failed=20, failing=20)
    assert watch_chains() == [chain]
    assert timeouts == [7]


def test_twenty_letters_that_fail_for_good_stop_their_chain(chain: Chain, settings: Any) -> None:
    settings.TRIGGERS = {**settings.TRIGGERS, "FAILURES_STOP": 3}
    Message.objects.update(template_key="deleted")
    for number in range(2, 5):
        triggers.capture("add_to_cart", contact=make_contact(number))
    turn(*range(64))
    Message.objects.update(template_key="deleted")
    run_due()
    assert watch_chains() == [chain]
