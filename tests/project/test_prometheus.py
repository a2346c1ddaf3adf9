"""The extra `prometheus`: one scrape says what the health page says."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import pytest
from django.test import RequestFactory
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

import triggers
from tests.build import live_chain, make_contact, make_template
from triggers.analytics.status import LaneStatus, status
from triggers.control import pause_everything
from triggers.engine.shards import read_clock
from triggers.engine.turn import turn
from triggers.heartbeat import beat
from triggers.models import Message
from triggers.prometheus import TriggersCollector, metrics
from triggers.testing import run_due

pytestmark = pytest.mark.django_db

Samples = dict[tuple[str, tuple[str, ...]], float]


def scrape() -> Samples:
    answer = metrics(RequestFactory().get("/metrics"))
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(answer.content.decode())
    return {
        (one.name, tuple(one.labels.values())): one.value for family in families for one in family.samples
    }


def test_an_empty_shop_has_metrics_and_no_made_up_ages() -> None:
    found = scrape()
    assert found["triggers_due_journeys", ()] == 0
    assert found["triggers_ticks_total", ()] == 0
    assert not [name for name, _labels in found if name.endswith("_seconds")]


def test_a_scrape_says_what_is_there() -> None:
    make_template()
    live_chain([("letter", "send_email", {"template": "reminder"})])
    triggers.capture("add_to_cart", contact=make_contact())
    run_due()
    contact = make_contact(2)
    triggers.capture("add_to_cart", contact=contact)
    turn(contact.shard)
    beat("tick")
    Message.objects.filter(state="accepted").update(state="unknown")
    pause_everything()
    found = scrape()
    assert found["triggers_lane_waiting", ("email.marketing",)] == 1
    assert found["triggers_lane_oldest_seconds", ("email.marketing",)] >= 0
    assert found["triggers_lane_state", ("email.marketing", "working")] == 1
    assert found["triggers_lane_handled_total", ("email.marketing",)] == 1
    assert found["triggers_unknown_messages", ()] == 1
    assert found["triggers_everything_paused", ()] == 1
    assert found["triggers_tick_seconds", ()] < 60
    assert found["triggers_ticks_total", ()] >= 1
    assert found["triggers_turned_total", ()] >= 2


def test_a_broken_lane_is_a_state() -> None:
    lanes = [LaneStatus("sms.marketing", 0, None, None, "broken", "401")]
    state = replace(status(read_clock()), lanes=lanes)
    with patch("triggers.prometheus.status", return_value=state):
        found = scrape()
    assert found["triggers_lane_state", ("sms.marketing", "broken")] == 1
    assert found["triggers_lane_state", ("sms.marketing", "working")] == 0


def test_registering_asks_no_database(django_assert_num_queries: object) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        CollectorRegistry(auto_describe=True).register(TriggersCollector())


def test_only_reading_is_answered() -> None:
    assert metrics(RequestFactory().post("/metrics")).status_code == 405
