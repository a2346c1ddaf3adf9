"""The figures of the health page are right and their number of queries is fixed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

import triggers
from tests.build import live_chain, make_contact, make_template
from triggers.analytics.health import MOST_FAILURES, health
from triggers.analytics.live import chain_traffic, live_counts
from triggers.heartbeat import beat
from triggers.models import Chain, Journey, Message, PendingEvent
from triggers.testing import run_due

pytestmark = pytest.mark.django_db

MOST_QUERIES = 19


def people(count: int) -> Chain:
    make_template()
    chain = live_chain(
        [
            ("letter", "send_email", {"template": "reminder"}),
            ("wait_1", "wait", {"amount": 3, "unit": "hours"}),
        ]
    )
    for number in range(count):
        triggers.capture("add_to_cart", contact=make_contact(number))
    run_due()
    return chain


def test_an_empty_shop_has_no_worker_and_no_trouble() -> None:
    state = health(timezone.now())
    assert (state.has_worker, state.is_ok, state.backlog_total, state.lateness) == (False, False, 0, None)
    beat("tick")
    assert health(timezone.now()).is_ok


def test_figures() -> None:
    people(5)
    now = timezone.now()
    late = list(Journey.objects.values_list("pk", flat=True)[:3])
    Journey.objects.filter(pk__in=late).update(due_at=now - timedelta(hours=2))
    Message.objects.filter(pk=Message.objects.earliest("pk").pk).update(created_at=now - timedelta(days=2))
    state = health(now)
    assert (state.backlog_total, max(state.backlog), len(state.backlog)) == (3, 1, 64)
    assert state.lateness == timedelta(hours=2)
    assert state.sent_in_a_day == {"accepted": 4}
    assert [lane.waiting for lane in state.lanes] == [0, 0, 0, 0]
    assert [lane.lane for lane in state.lanes if lane.last_send] == ["email.marketing"]
    assert not state.is_ok


def test_failures_are_counted_even_when_not_all_are_shown(django_assert_max_num_queries: Any) -> None:
    people(MOST_FAILURES + 3)
    beat("tick")
    Journey.objects.update(status="paused", due_at=None)
    Message.objects.update(state="unknown")
    triggers.capture("login", contact="person1@example.com")
    PendingEvent.objects.update(is_set_aside=True, error="x")
    with django_assert_max_num_queries(MOST_QUERIES):
        state = health(timezone.now())
    assert (len(state.journeys.rows), state.journeys.total) == (MOST_FAILURES, MOST_FAILURES + 3)
    assert (len(state.messages.rows), state.messages.total) == (MOST_FAILURES, MOST_FAILURES + 3)
    assert state.events.total == 1
    assert state.journeys.rows[0].reason
    assert not state.is_ok


def test_traffic_and_counts(django_assert_num_queries: Any) -> None:
    chain = people(4)
    assert chain.live_version is not None
    Journey.objects.filter(pk=Journey.objects.earliest("pk").pk).update(status="paused")
    Journey.objects.filter(pk=Journey.objects.latest("pk").pk).update(
        status="finished", active_slot=None, entered_at=timezone.now() - timedelta(days=40)
    )
    with django_assert_num_queries(1):
        traffic = chain_traffic([chain.pk], timezone.now())[chain.pk]
    assert (traffic.inside, traffic.entered) == (3, 3)
    with django_assert_num_queries(2):
        counts = live_counts(chain.live_version)
    assert (counts.standing["wait_1"], counts.paused["wait_1"], counts.statuses["finished"]) == (3, 1, 1)
    assert counts.sent["letter"] == 4
