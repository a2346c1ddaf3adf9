"""`triggers_status` and `triggers_check` on a shop that is well, and on one that is not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone

import triggers
from tests.build import live_chain, make_contact, make_template
from triggers.analytics.alarms import DEFAULTS, find_problems
from triggers.analytics.status import LaneStatus, status
from triggers.control import pause_everything
from triggers.engine.publish import pause_chain
from triggers.heartbeat import beat
from triggers.models import Chain, Event, Heartbeat, Journey, Lane, Message, PendingEvent, SlowDomain
from triggers.testing import run_due

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def check(*options: str) -> tuple[int, list[str]]:
    """Exit code and lines."""
    out = StringIO()
    try:
        call_command("triggers_check", *options, stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue().splitlines()
    return 0, out.getvalue().splitlines()


@pytest.fixture
def trouble() -> None:
    """One of everything that can be wrong."""
    make_template()
    chain = live_chain(
        [
            ("letter", "send_email", {"template": "reminder"}),
            ("wait", "wait", {"amount": 1, "unit": "days"}),
        ]
    )
    for number in range(4):
        triggers.capture("add_to_cart", contact=make_contact(number, agrees=True))
    run_due()
    now = timezone.now()
    pks = list(Message.objects.order_by("pk").values_list("pk", flat=True))
    Message.objects.filter(pk=pks[0]).update(state="unknown")
    Message.objects.filter(pk=pks[1]).update(state="failed")
    Message.objects.filter(pk=pks[2]).update(state="queued", send_after=now - HOUR)
    journeys = list(Journey.objects.order_by("pk").values_list("pk", flat=True))
    Journey.objects.filter(pk=journeys[0]).update(due_at=now - HOUR)
    Journey.objects.filter(pk=journeys[1]).update(status="failed", due_at=None, active_slot=None)
    for _time in range(2):
        event = triggers.capture("login", contact="person1@example.com")
    assert event
    PendingEvent.objects.filter(pk=event.pk).update(is_set_aside=True)
    Event.objects.update(recorded_at=now - HOUR)
    pause_chain(Chain.objects.get(pk=chain.pk))
    Message.objects.filter(pk=pks[2]).update(state="queued")
    Heartbeat.objects.filter(pk="tick").update(at=now - HOUR)
    pause_everything("a wrong price")


def test_an_empty_shop_is_well_once_somebody_looked() -> None:
    assert check() == (2, ["CRITICAL: nobody has ever looked for work"])
    beat("tick")
    code, lines = check()
    assert code == 0
    assert lines[0].startswith("OK")


def test_every_problem_has_its_line(trouble: None) -> None:
    code, lines = check()
    assert code == 2
    said = "\n".join(lines)
    for part in (
        "CRITICAL: nobody has looked for work for 36",
        "CRITICAL: due journeys: 1, the oldest for 36",
        "CRITICAL: waiting events: 1, the oldest for 36",
        "CRITICAL: waiting messages in email.marketing: 1, the oldest for 36",
        "WARNING: everything is paused: a wrong price",
        "WARNING: messages that may or may not have been sent: 1",
        "WARNING: failed messages: 1, stopped journeys: 1, events set aside: 1",
    ):
        assert part in said
    assert len(lines) == 7
    assert [line.split(":")[0] for line in lines] == ["CRITICAL"] * 4 + ["WARNING"] * 3


def test_limits_can_be_moved_and_switched_off(trouble: None) -> None:
    off = ("--tick=-", "--due=-", "--events=-", "--queued=-", "--unknown=-")
    assert check(*off, "--failed=4")[1] == ["WARNING: everything is paused: a wrong price"]
    assert check(*off, "--failed=3")[0] == 1
    assert check(*off, "--failed=1,3")[0] == 2
    assert check(*off, "--failed=-,3")[0] == 2


@pytest.mark.parametrize("wrong", ["", "x", "1,2,3", "0", "-5", "nan", "10,5", ",", "1,x"])
def test_bad_limits_are_refused_with_their_name(wrong: str) -> None:
    with pytest.raises(CommandError, match="--due") as refused:
        call_command("triggers_check", f"--due={wrong}")
    assert refused.value.returncode == 3


def test_a_database_that_is_away_is_critical() -> None:
    with (
        patch("triggers.management.commands.triggers_check.read_clock", side_effect=OperationalError("x")),
        pytest.raises(CommandError, match="CRITICAL") as away,
    ):
        call_command("triggers_check")
    assert away.value.returncode == 2


def test_the_status_for_people_and_for_programs(trouble: None, settings: Any) -> None:
    settings.TRIGGERS = {**settings.TRIGGERS, "WAIT_SCALE": 0.5}
    out = StringIO()
    call_command("triggers_status", stdout=out)
    text = out.getvalue()
    for part in (
        "EVERYTHING IS PAUSED since",
        "by a command: a wrong price",
        "due journeys          1, the oldest for 36",
        "events waiting        1, the oldest for 36",
        "lane email.marketing     1 waiting, the oldest for 36",
        "unknown messages      1",
        "failed messages       1",
        "stopped journeys      1",
        "events set aside      1",
        "captures that failed  0",
        "paused chains         chain",
        "WAIT_SCALE            0.5",
    ):
        assert part in text
    out = StringIO()
    call_command("triggers_status", "--json", stdout=out)
    given = json.loads(out.getvalue())
    assert given["everything_paused"]["why"] == "a wrong price"
    assert {lane["lane"]: lane["waiting"] for lane in given["lanes"]}["email.marketing"] == 1
    assert given["paused_chains"] == ["chain"]
    assert 3600 <= given["tick_seconds"] < 3700


def test_an_empty_shop_has_a_status(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("triggers_status")
    assert "last look for work    never" in capsys.readouterr().out
    assert status(timezone.now()).plain()["everything_paused"] is None


def test_lanes_that_do_not_work_are_said() -> None:
    beat("tick")
    lanes = [
        LaneStatus("email.marketing", 0, None, None, "broken", "503 closed"),
        LaneStatus("email.transactional", 0, None, None, "broken", "535 login refused", is_own_fault=True),
        LaneStatus("sms.marketing", 0, None, None, "paused"),
    ]
    state = replace(status(timezone.now()), lanes=lanes)
    limits = {name: limit for name, (_meaning, limit) in DEFAULTS.items()}
    assert [str(one) for one in find_problems(state, limits)] == [
        "CRITICAL: the provider of email.marketing does not work: 503 closed",
        "CRITICAL: the provider of email.transactional does not work, our account or domain is refused: 535 login refused",
        "WARNING: sms.marketing is paused",
    ]


def test_slow_domains_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    now = timezone.now()
    Lane.objects.create(name="email.marketing", has_slow_domains=True)
    SlowDomain.objects.create(
        lane="email.marketing", domain="slow.example", seen_at=now, trips=1, slow_until=now + HOUR
    )
    lane = next(one for one in status(now).lanes if one.lane == "email.marketing")
    assert lane.state == "working"
    assert lane.slow_domains == {"slow.example": pytest.approx(3600, abs=1)}
    call_command("triggers_status")
    assert "slow domains: slow.example" in capsys.readouterr().out
