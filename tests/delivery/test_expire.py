"""What nobody takes any more still comes to its end, with a reason."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.delivery.conftest import QueueMessage
from triggers.core.words import say
from triggers.delivery import expire
from triggers.delivery.expire import expire_overdue
from triggers.models import Heartbeat, Message
from triggers.testing import database_clock
from triggers.workload import find_work

pytestmark = pytest.mark.django_db


def states() -> list[str]:
    return list(Message.objects.order_by("pk").values_list("state", flat=True))


def test_worthless_messages_of_lanes_that_stand_still_end(queue_message: QueueMessage) -> None:
    now = timezone.now()
    past, future = now - timedelta(seconds=1), now + timedelta(hours=1)
    for state, expires_at in (("queued", past), ("held", past), ("queued", future), ("sending", past)):
        queue_message(lane="email.gone", state=state, expires_at=expires_at, lease_until=future)
    queue_message(lane="email.gone", expires_at=None)
    find_work()
    assert states() == ["expired", "expired", "queued", "sending", "queued"]
    ended = Message.objects.filter(state="expired").first()
    assert ended
    assert say(ended.reason, ended.reason_data) == "it became worthless before it could leave"


def test_it_looks_now_and_then(queue_message: QueueMessage) -> None:
    assert expire_overdue() == 0
    queue_message(expires_at=timezone.now() - timedelta(seconds=1))
    assert expire_overdue() == 0
    with database_clock(timezone.now() + timedelta(minutes=6)):
        assert expire_overdue() == 1
    assert Heartbeat.objects.get(pk="expiry").count == 1


def test_a_long_list_is_ended_in_parts(queue_message: QueueMessage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expire, "MOST", 2)
    for _ in range(5):
        queue_message(expires_at=timezone.now() - timedelta(seconds=1))
    assert [expire_overdue() for _ in range(4)] == [2, 2, 1, 0]
