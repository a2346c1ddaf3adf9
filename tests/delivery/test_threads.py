"""Calls in threads: what is claimed while others are under way, and mail backends that use the database."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection
from django.db.backends.signals import connection_created

from tests.build import make_contact
from tests.delivery.conftest import QueueMessage
from triggers.delivery.send import deliver
from triggers.models import Message

pytestmark = pytest.mark.django_db(transaction=True)

opened: list[Any] = []


class AsksTheDatabase(BaseEmailBackend):
    def send_messages(self, email_messages: Sequence[Any]) -> int:
        assert threading.current_thread() is not threading.main_thread()
        Message.objects.count()
        opened.append(connection.connection)
        return len(email_messages)


def test_no_connection_of_a_senders_thread_outlives_its_call(
    queue_message: QueueMessage, settings: Any
) -> None:
    """They used to stay open until their thread was collected, and kept a test database from being dropped."""
    closed: list[bool] = []

    def watch(sender: Any, connection: Any, **kwargs: Any) -> None:
        close = connection.close

        def note() -> None:
            closed.append(True)
            close()

        connection.close = note

    account = {"BACKEND": f"{__name__}.AsksTheDatabase", "OPTIONS": {}}
    settings.TRIGGERS = {**settings.TRIGGERS, "EMAIL_ACCOUNTS": {"default": account}}
    queue_message()
    connection_created.connect(watch)
    try:
        assert deliver("email.marketing").accepted == 1
    finally:
        connection_created.disconnect(watch)
    assert opened
    assert closed


class WaitsForTheLast(BaseEmailBackend):
    """The first letter's call comes back when the last letter's has begun."""

    last_has_begun = threading.Event()
    under_way: list[int]

    def send_messages(self, email_messages: Sequence[Any]) -> int:
        self.under_way.append(Message.objects.filter(state="sending").count())
        (address,) = email_messages[0].to
        if address == "first@example.com":
            assert self.last_has_begun.wait(30)
        elif address == "last@example.com":
            self.last_has_begun.set()
        return 1


def test_a_slow_call_keeps_the_others_going(queue_message: QueueMessage, settings: Any) -> None:
    """A sender used to wait for the slowest of a claim before it looked for more."""
    account = {"BACKEND": f"{__name__}.WaitsForTheLast", "OPTIONS": {}}
    settings.TRIGGERS = {
        **settings.TRIGGERS,
        "EMAIL_ACCOUNTS": {"default": account},
        "SEND_CONCURRENCY": 4,
    }
    WaitsForTheLast.under_way = []
    for number, name in enumerate(["first", *(f"other{n}" for n in range(10)), "last"]):
        queue_message(make_contact(number, email=f"{name}@example.com"))
    assert deliver("email.marketing").accepted == 12
    assert WaitsForTheLast.last_has_begun.is_set()
    assert 0 < max(WaitsForTheLast.under_way) <= 4


class CannotJudge(BaseEmailBackend):
    """One call fails, and the backend's own view of the error fails too, while its neighbour's has come back."""

    both_have_begun = threading.Barrier(2, timeout=30)

    def send_messages(self, email_messages: Sequence[Any]) -> int:
        self.both_have_begun.wait()
        if email_messages[0].to == ["first@example.com"]:
            raise RuntimeError("no answer")
        return 1

    def judge(self, error: Exception) -> None:
        raise ZeroDivisionError("a bug of the host's")


def test_a_backend_that_breaks_over_an_error_costs_its_neighbours_nothing(
    queue_message: QueueMessage, settings: Any
) -> None:
    """The whole run ended there, and what had come back was never recorded."""
    account = {"BACKEND": f"{__name__}.CannotJudge", "OPTIONS": {}}
    settings.TRIGGERS = {**settings.TRIGGERS, "EMAIL_ACCOUNTS": {"default": account}}
    for number, name in enumerate(["first", "second"]):
        queue_message(make_contact(number, email=f"{name}@example.com"))
    assert deliver("email.marketing").accepted == 1
    assert list(Message.objects.order_by("pk").values_list("state", flat=True)) == ["unknown", "accepted"]
    assert "ZeroDivisionError" in Message.objects.earliest("pk").reason_data["detail"]
