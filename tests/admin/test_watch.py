"""What the watch says of a chain is on the health page and on the chain's own."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.build import live_chain
from triggers.delivery.tally import day_of
from triggers.delivery.watch import watch_chains
from triggers.models import Chain, ChainDay


@pytest.fixture
def chain(db: None) -> Chain:
    chain = live_chain([("bye", "exit", {})])
    Chain.objects.update(activated_at=timezone.now() - timedelta(days=30))
    today = day_of(timezone.now())
    ChainDay.objects.create(chain=chain, day=today, channel="email", message_class="marketing", sent=1000)
    return chain


def test_the_pages_say_it(chain: Chain, boss: Client) -> None:
    health, page = "/admin/triggers/heartbeat/", f"/admin/triggers/chain/{chain.pk}/change/"
    assert "by itself" not in boss.get(page).content.decode()
    ChainDay.objects.update(complained=1)
    for address in (health, page):
        assert "1 of 1000 messages of the last 7 days" in boss.get(address).content.decode()
        assert "is watched" in boss.get(address).content.decode()
    ChainDay.objects.update(complained=5)
    watch_chains()
    for address in (health, page):
        assert "5 of 1000 messages of the last 7 days" in boss.get(address).content.decode()
        assert "was paused by itself" in boss.get(address).content.decode()
