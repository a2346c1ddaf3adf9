"""A lane that closed because our account or our domain is refused: a person has to know, once."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail

from triggers.delivery.breaker import MOST_FAILURES, learn
from triggers.delivery.lane import Admission
from triggers.delivery.managers import tell_managers
from triggers.delivery.outcome import Cause, Outcome
from triggers.delivery.watch_lanes import watch_lanes
from triggers.models import Lane

pytestmark = pytest.mark.django_db

LANE = "email.marketing"
REVOKED = Outcome("not_sent", detail="535 who?", cause=Cause.ACCOUNT)
REFUSED = Outcome("not_sent", detail="550 5.7.515", cause=Cause.POLICY)
AWAY = Outcome("not_sent", detail="nobody there", cause=Cause.PROVIDER)
LOCMEM = "django.core.mail.backends.locmem.EmailBackend"


@pytest.fixture(autouse=True)
def managers(settings: Any) -> None:
    settings.MANAGERS = [("Boss", "boss@shop.test")]


def report(*outcomes: Outcome, lane: str = LANE) -> None:
    for outcome in outcomes:
        learn(lane, Admission(10, is_troubled=True), outcome)


@pytest.mark.parametrize("outcomes", [[REVOKED] * MOST_FAILURES, [REFUSED]])
def test_managers_get_one_mail(outcomes: list[Outcome]) -> None:
    report(*outcomes)
    assert watch_lanes() == [LANE]
    (letter,) = mail.outbox
    assert LANE in letter.subject
    assert outcomes[0].detail in letter.body
    Lane.objects.update(closed_until=None)
    report(*outcomes)
    assert watch_lanes() == []
    assert len(mail.outbox) == 1


def test_and_another_when_it_happens_again() -> None:
    report(REFUSED)
    watch_lanes()
    Lane.objects.update(closed_until=None)
    report(Outcome("accepted"))
    assert not Lane.objects.get(pk=LANE).is_own_fault
    report(REFUSED)
    assert watch_lanes() == [LANE]
    assert len(mail.outbox) == 2


def test_the_lanes_of_one_account_are_one_mail(settings: Any) -> None:
    settings.TRIGGERS = {
        **settings.TRIGGERS,
        "EMAIL_ACCOUNTS": {"default": {"BACKEND": LOCMEM}, "bulk": {"BACKEND": LOCMEM}},
    }
    lanes = [LANE, "email.transactional", "email.marketing.bulk"]
    for lane in lanes:
        report(REFUSED, lane=lane)
    assert sorted(watch_lanes()) == sorted(lanes)
    assert len(mail.outbox) == 2


def test_a_server_that_is_away_comes_back_by_itself() -> None:
    report(*[AWAY] * MOST_FAILURES)
    assert Lane.objects.get(pk=LANE).opened_at is not None
    assert watch_lanes() == []
    assert not mail.outbox


def test_the_mail_goes_around_the_account_that_does_not_work(settings: Any) -> None:
    settings.EMAIL_BACKEND = "nowhere.Backend"
    settings.TRIGGERS = {
        **settings.TRIGGERS,
        "EMAIL_ACCOUNTS": {"default": {"BACKEND": None}, "bulk": {"BACKEND": LOCMEM}},
    }
    tell_managers("subject", "text", besides="default")
    assert [letter.subject.endswith("subject") for letter in mail.outbox] == [True]


def test_nobody_to_carry_it_is_said_in_the_log(settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.EMAIL_BACKEND = "nowhere.Backend"
    tell_managers("subject", "text")
    assert "managers.not_told" in caplog.text
