"""Whatever happens and in whatever order: no rolling window holds more than its cap allows, and the books balance."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db.models import F, Q
from django.utils import timezone
from django.utils.timezone import localtime
from hypothesis import given, settings
from hypothesis import strategies as st

import triggers
from tests.build import live_chain, make_contact, make_rule, make_template
from tests.rollback import rolled_back
from triggers.delivery import calls
from triggers.delivery.outcome import Outcome
from triggers.delivery.send import deliver
from triggers.engine.publish import pause_chain, resume_chain
from triggers.engine.turn import turn
from triggers.models import Chain, Contact, Journey, Message
from triggers.models.message import LEFT
from triggers.testing import database_clock

pytestmark = pytest.mark.django_db

CAPS = ((1, 6), (3, 48))
CHAINS = ("tips", "cart", "news")

hours = st.sampled_from([0, 0.5, 1, 5, 6, 7, 12, 30])
actions = st.one_of(
    st.tuples(st.just("event"), st.sampled_from(CHAINS)),
    st.tuples(st.just("pass"), hours),
    st.tuples(st.just("turn"), st.none()),
    st.tuples(st.just("deliver"), st.sampled_from(["accepted", "not_sent", "unknown", "refused"])),
    st.tuples(st.just("pause"), st.sampled_from(CHAINS)),
    st.tuples(st.just("resume"), st.sampled_from(CHAINS)),
)


class Story:
    """One contact, three chains of different importance, a clock, and a provider that answers as told."""

    def __init__(self, on_hit: str) -> None:
        make_template()
        make_rule(*CAPS, quiet="22:00-07:00", on_hit=on_hit)
        wait = ("wait", "wait", {"amount": 2, "unit": "hours"})
        letter = ("letter", "send_email", {"template": "reminder", "expires_hours": 72})
        again = ("again", "send_email", {"template": "reminder"})
        for priority, key in enumerate(CHAINS):
            live_chain([letter, wait, again], key=key, event=f"wants_{key}", priority=priority)
        self.contact: Contact = make_contact()
        self.now: datetime = timezone.now()

    def do(self, action: str, what: Any) -> None:
        with database_clock(self.now):
            getattr(self, f"do_{action}")(what)

    def do_event(self, chain: str) -> None:
        triggers.capture(f"wants_{chain}", contact=self.contact)
        turn(self.contact.shard)

    def do_pass(self, count: float) -> None:
        self.now += timedelta(hours=count)

    def do_turn(self, _nothing: None) -> None:
        turn(self.contact.shard)

    def do_deliver(self, status: Any) -> None:
        with patch.object(calls, "_call", lambda one, mailer: lambda: Outcome(status)):
            deliver("email.marketing")

    def do_pause(self, chain: str) -> None:
        pause_chain(Chain.objects.get(key=chain))

    def do_resume(self, chain: str) -> None:
        resume_chain(Chain.objects.get(key=chain))

    def assert_caps_hold(self) -> None:
        left = Message.objects.filter(state__in=LEFT).values_list("sending_at", flat=True)
        moments = sorted(moment for moment in left if moment)
        assert len(moments) == len(left), "what left has its moment"
        for most, length in CAPS:
            for first, last in zip(moments, moments[most:], strict=False):
                assert last - first >= timedelta(hours=length), f"more than {most} in {length} h"
        local = [localtime(moment, self.contact.zone) for moment in moments]
        assert all(7 <= moment.hour < 22 for moment in local), "not at night"

    def assert_books_balance(self) -> None:
        """Each time a journey came by a letter it was queued or left out with a reason; each message has a reason for its end."""
        for journey in Journey.objects.all():
            sends = Counter(
                journey.transitions.filter(step__in=["letter", "again"]).values_list("reason", flat=True)
            )
            queued = sum(count for reason, count in sends.items() if "queued" in reason or "what" in reason)
            assert queued == journey.messages_queued == journey.messages.count()
        ended = Message.objects.filter(state__in=["suppressed", "expired", "cancelled", "failed"])
        assert not ended.filter(reason="").exists()
        assert not Message.objects.filter(
            ~Q(state__in=["queued", "held"]), send_after__gt=F("expires_at")
        ).exists()


@settings(max_examples=40)
@given(st.lists(actions, min_size=5, max_size=40), st.sampled_from(["skip", "put_off"]))
def test_no_window_ever_holds_more_than_it_may(story: list[tuple[str, Any]], on_hit: str) -> None:
    with rolled_back():
        one = Story(on_hit)
        for action in story:
            one.do(*action)
            one.assert_caps_hold()
        one.assert_books_balance()
