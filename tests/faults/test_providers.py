"""Providers that refuse, lie, fall silent or hang up: what becomes of the letter, and that its neighbours arrive."""

from __future__ import annotations

import socket
from datetime import timedelta
from typing import Any

import pytest

from tests.faults.scenario import Scenario, pass_time
from tests.faults.smtp_sink import SMTPSink
from triggers.models import Message, Suppression
from triggers.testing import run_due

pytestmark = [pytest.mark.django_db, pytest.mark.only_on("postgres")]

# By recipient: the states that the marketing and the transactional letter end in (one, when they are the same), and how many
# letters the world received. `queued` waits for another try. Over SMTP a transactional letter in doubt is sent a second time.
SMTP = {
    "tempfail": ("queued", 0),
    "mailboxfull": ("queued", 0),
    "shutdown": ("queued", 0),
    "datatempfail": ("queued", 0),
    # The address is suppressed at the first of the two.
    "permfail": ("suppressed failed", 0),
    "policy": ("queued", 0),
    "datapermfail": ("failed", 0),
    "dropbeforedata": ("queued", 0),
    "dropindata": ("unknown", 0),
    "dropafterdata": ("unknown", 3),
    "halfreply": ("unknown", 3),
    "garbage": ("unknown", 3),
    "silent": ("unknown", 3),
}
API = {
    "429": ("queued", 0),
    "429bare": ("queued", 0),
    "quota": ("queued", 0),
    "tempfail": ("queued", 0),
    "revoked": ("queued", 0),
    "permfail": ("failed", 0),
    "200error": ("unknown", 0),
    "dropindata": ("unknown", 0),
    "dropafterdata": ("unknown", 2),
    "halfreply": ("unknown", 2),
    "garbage": ("unknown", 2),
    "silent": ("unknown", 2),
    "500afteraccept": ("unknown", 2),
    "502afteraccept": ("unknown", 2),
    "504afteraccept": ("unknown", 2),
    "closeafter250": ("accepted", 2),
}
NEIGHBOURS = ("before", "after")


def assert_outcome(shop: Scenario, settings: Any, wish: str, ends: str, received: int) -> None:
    if wish == "silent":
        accounts = {"default": shop.provider.account(timeout=0.5)}
        settings.TRIGGERS = {**settings.TRIGGERS, "EMAIL_ACCOUNTS": accounts}
    name = f"{wish}-1"
    shop.fill_carts(NEIGHBOURS[0], name, NEIGHBOURS[1])
    run_due()
    states = (ends.split() * 2)[:2]
    assert shop.states()[name] == states
    # What is certainly not sent is tried again; of what is in doubt, only what may be.
    shop.recover()
    assert shop.states()[name] == states
    assert shop.received(name) == received
    assert all(shop.states()[one] == ["accepted", "accepted"] for one in NEIGHBOURS)
    assert shop.problems(most_unknown=states.count("unknown"), is_finished="queued" not in states) == []


@pytest.mark.parametrize("provider", ["smtp"], indirect=True)
@pytest.mark.fault("F9", "F10", "F11", "F13")
@pytest.mark.parametrize("wish", SMTP)
def test_over_smtp(quick_shop: Scenario, settings: Any, wish: str) -> None:
    assert_outcome(quick_shop, settings, wish, *SMTP[wish])


@pytest.mark.parametrize("provider", ["api"], indirect=True)
@pytest.mark.fault("F11", "F12", "F13")
@pytest.mark.parametrize("wish", API)
def test_over_the_api(quick_shop: Scenario, settings: Any, wish: str) -> None:
    assert_outcome(quick_shop, settings, wish, *API[wish])


@pytest.mark.fault("F9", "F12")
def test_what_was_refused_for_now_arrives_later_and_once(quick_shop: Scenario) -> None:
    quick_shop.fill_carts("greylist-1", "ann")
    run_due()
    assert "queued" in quick_shop.states()["greylist-1"]
    for _attempt in range(3):
        pass_time()
        run_due()
    assert quick_shop.problems() == []
    assert quick_shop.books()["sent"] == 4


@pytest.mark.parametrize("provider", ["api"], indirect=True)
@pytest.mark.fault("F12")
def test_the_provider_says_when_to_come_back(quick_shop: Scenario) -> None:
    quick_shop.fill_carts("429-1")
    run_due()
    for message in Message.objects.all():
        assert message.send_after - message.created_at >= timedelta(seconds=7)


@pytest.mark.fault("F11")
def test_a_provider_that_cannot_be_connected_to_has_nothing(quick_shop: Scenario, settings: Any) -> None:
    """A closed port: the letters wait, and leave when it opens."""
    account = quick_shop.provider.account()
    port = _closed_port()
    options = {"port": port} if "port" in account["OPTIONS"] else {"api_url": f"http://127.0.0.1:{port}/"}
    use(settings, {**account, "OPTIONS": account["OPTIONS"] | options})
    quick_shop.fill_carts("ann", "bob")
    run_due()
    assert set(Message.objects.values_list("state", flat=True)) == {"queued"}
    use(settings, account)
    quick_shop.recover()
    assert quick_shop.problems() == []
    assert quick_shop.books()["sent"] == 4


@pytest.mark.parametrize("provider", ["smtp"], indirect=True)
@pytest.mark.fault("F11")
def test_a_connection_that_the_server_closed_after_its_letter_harms_no_other(
    quick_shop: Scenario, settings: Any
) -> None:
    """Servers do so after some letters or minutes: the next letter over it has not left, so it is no doubt to anybody."""
    settings.TRIGGERS = {**settings.TRIGGERS, "SEND_CONCURRENCY": 1}
    quick_shop.fill_carts("closeafter250-1", "ann", "bob")
    run_due()
    quick_shop.recover()
    assert quick_shop.problems() == []
    assert quick_shop.books()["sent"] == 6


@pytest.mark.parametrize("provider", ["smtp"], indirect=True)
@pytest.mark.fault("F11")
def test_a_server_without_tls_gets_no_letter_that_asks_for_it(quick_shop: Scenario, settings: Any) -> None:
    account = quick_shop.provider.account()
    use(settings, {**account, "OPTIONS": account["OPTIONS"] | {"use_tls": True}})
    quick_shop.fill_carts("ann")
    run_due()
    assert quick_shop.states()["ann"] == ["queued", "queued"]
    use(settings, account)
    quick_shop.recover()
    assert quick_shop.problems() == []


@pytest.mark.fault("F26")
def test_a_revoked_login_marks_nothing_as_sent(quick_shop: Scenario, settings: Any) -> None:
    """The letters are not to blame: they wait, and leave when the account works again."""
    account = quick_shop.provider.account()
    options = account["OPTIONS"]
    wrong = (
        {"username": "shop", "password": "old"}
        if isinstance(quick_shop.provider, SMTPSink)
        else {"api_key": "revoked"}
    )
    use(settings, {**account, "OPTIONS": options | wrong})
    quick_shop.fill_carts("ann")
    run_due()
    assert quick_shop.states()["ann"] == ["queued", "queued"]
    use(settings, account)
    quick_shop.recover()
    assert quick_shop.problems() == []
    assert not Suppression.objects.exists()


def use(settings: Any, account: dict[str, Any]) -> None:
    settings.TRIGGERS = {**settings.TRIGGERS, "EMAIL_ACCOUNTS": {"default": account}}


def _closed_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
