"""A mail backend that uses the database, as a host's own may."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection
from django.db.backends.signals import connection_created

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
