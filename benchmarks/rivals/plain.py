"""The floor: the letter is rendered and given to the provider, and nobody asks or records anything."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.harness.shop import address, context, list_headers, the_source, unsubscribe_link


def send_plain(count: int, account: dict[str, Any], threads: int) -> int:
    """In a worker: `count` letters through one connection for each thread, which take turns. Returns how many."""
    numbers, lock = iter(range(1, count + 1)), threading.Lock()
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(lambda _thread: _send_some(numbers, lock, account), range(threads)))


def _send_some(numbers: Iterator[int], lock: threading.Lock, account: dict[str, Any]) -> int:
    connection, sent = open_connection(account), 0
    while True:
        with lock:
            number = next(numbers, None)
        if number is None:
            connection.close()
            return sent
        connection.send_messages([make_message(number)])
        sent += 1


def open_connection(account: dict[str, Any]) -> Any:
    from django.utils.module_loading import import_string

    connection = import_string(account["BACKEND"])(**account["OPTIONS"])
    connection.open()
    return connection


def make_message(number: int) -> Any:
    """The letter to contact `number`, rendered and built with the headers that our senders give it."""
    from django.core.mail import EmailMultiAlternatives

    letter = render(number)
    message: Any = EmailMultiAlternatives(
        letter.subject, letter.text, to=[address(number)], headers=dict(list_headers(number))
    )
    message.attach_alternative(letter.html, "text/html")
    message.metadata = {"number": f"{number:032x}"}
    message.tags = ["abandoned_cart"]
    return message


def render(number: int) -> Any:
    from django.utils import timezone, translation

    from triggers.content.letter import compile_letter

    with translation.override("en"), timezone.override("Europe/Berlin"):
        return compile_letter(the_source()).render(context(number, unsubscribe_link(number)))
