"""The sink that senders are measured with takes what Django and Anymail send, and says who got it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives

from benchmarks.harness.sink import Sink, sink
from benchmarks.rivals.plain import open_connection


@pytest.fixture(scope="module")
def where() -> Iterator[Sink]:
    with sink() as started:
        yield started


def letter(recipient: str) -> Any:
    message = EmailMultiAlternatives("Your cart", ".\n..\nwaits\n.", "shop@shop.test", [recipient])
    message.attach_alternative("<p>.</p>\n.\n<p>waits</p>", "text/html")
    return message


def test_letters_by_smtp(where: Sink) -> None:
    connection = open_connection(where.smtp_account())
    assert connection.send_messages([letter("a@example.com"), letter("b@example.com")]) == 2
    connection.close()
    taken = where.take()
    assert [one.recipient for one in taken] == ["a@example.com", "b@example.com"]
    assert taken[0].at <= taken[1].at
    assert taken[0].size > 200
    assert where.take() == []


def test_letters_by_api(where: Sink) -> None:
    connection = open_connection(where.api_account())
    message = letter("a@example.com")
    assert connection.send_messages([message, letter("b@example.com")]) == 2
    connection.close()
    assert message.anymail_status.message_id == "<taken@sink>"
    assert [one.recipient for one in where.take()] == ["a@example.com", "b@example.com"]
