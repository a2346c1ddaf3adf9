"""The lanes of the health page, their buttons, and who may press them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client, override_settings
from django.utils import timezone

from tests.admin.conftest import Staff
from triggers.heartbeat import beat
from triggers.models import Lane, SlowDomain

pytestmark = pytest.mark.django_db

PAGE = "/admin/triggers/heartbeat/"


def said(client: Client) -> str:
    return client.get(PAGE).content.decode()


def press(client: Client, verb: str, lane: str = "email.marketing") -> int:
    return client.post(f"{PAGE}lane/{verb}/", {"lane": lane}).status_code


def test_all_lanes_of_the_settings_are_shown_with_their_rates(boss: Client) -> None:
    beat("tick")
    accounts = {"default": {"RATE": 14}, "bulk": {"RATE": 0.5}}
    with override_settings(TRIGGERS={"EMAIL_ACCOUNTS": accounts}):
        text = said(boss)
    for part in ("email.marketing.bulk", "14 a second", "0.5 a second", "no limit", "Needs a look"):
        assert (part in text) is (part != "Needs a look")


def test_a_lane_whose_account_is_gone_says_so(boss: Client) -> None:
    gone = "The settings have no such account."
    assert gone not in said(boss)
    Lane.objects.create(name="email.marketing.bulk")
    assert gone in said(boss)


def test_a_lane_is_paused_and_goes_on(boss: Client) -> None:
    assert press(boss, "pause") == 302
    assert "The lane email.marketing is paused." in said(boss)
    assert Lane.objects.get().is_paused
    press(boss, "resume")
    assert "The lane email.marketing is paused." not in said(boss)


def test_a_provider_that_does_not_work_is_said_with_its_reason_and_tried_on_demand(boss: Client) -> None:
    now = timezone.now()
    Lane.objects.create(
        name="email.marketing",
        opened_at=now - timedelta(hours=2),
        closed_until=now + timedelta(minutes=5),
        trips=3,
        detail="535 who are you?",
    )
    text = said(boss)
    for part in ("has not been working for 2", "535 who are you?", "Next try:", "Try now"):
        assert part in text
    assert "/lane/try/" in text
    press(boss, "try")
    row = Lane.objects.get()
    assert (row.closed_until, row.trips) == (None, 0)
    assert "Next try: with the next message" in said(boss)


def test_a_throttled_lane_is_no_trouble(boss: Client) -> None:
    beat("tick")
    Lane.objects.create(name="email.marketing", closed_until=timezone.now() + timedelta(minutes=5))
    text = said(boss)
    assert "wants to be left alone" in text
    assert "Needs a look" not in text


def test_rights(staff: Staff) -> None:
    looks = staff("view_heartbeat")
    assert "Pause" not in said(looks)
    assert press(looks, "pause") == 403
    acts = staff("view_heartbeat", "change_lane")
    assert "Pause" in said(acts)
    assert press(acts, "pause") == 302
    assert Lane.objects.get().is_paused


def test_forged_requests_change_nothing(boss: Client) -> None:
    for verb, lane in (
        ("delete", "email.marketing"),
        ("pause", "email.nothing"),
        ("pause", "\0"),
        ("pause", ""),
    ):
        assert press(boss, verb, lane) == 302
    assert boss.get(f"{PAGE}lane/pause/", {"lane": "email.marketing"}).status_code == 302
    assert not Lane.objects.exists()


def test_a_fault_of_our_own_is_told_from_one_that_passes(boss: Client) -> None:
    ours = "waiting does not mend that"
    lane = Lane.objects.create(name="email.marketing", opened_at=timezone.now(), detail="503")
    assert ours not in said(boss)
    lane.is_own_fault = True
    lane.save()
    assert ours in said(boss)


def test_slow_domains_are_shown_with_their_lane(boss: Client) -> None:
    now = timezone.now()
    Lane.objects.create(name="email.marketing", has_slow_domains=True)
    fields = {"lane": "email.marketing", "seen_at": now, "detail": "451 <b>busy</b>"}
    SlowDomain.objects.create(domain="slow.example", trips=1, slow_until=now + timedelta(minutes=5), **fields)
    SlowDomain.objects.create(domain="once.example", **fields)
    text = said(boss)
    assert "slow.example does not take letters now" in text
    assert "451 &lt;b&gt;busy&lt;/b&gt;" in text
    assert "once.example" not in text
