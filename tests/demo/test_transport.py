"""The file broker under several publishers at once: what kombu's own transport dies of."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection, Consumer, Exchange, Producer, Queue

from demo_shop import transport

PUBLISHERS, EACH = 4, 50


@pytest.fixture
def queue() -> Queue:
    """kombu remembers per process what is bound, whatever the folder: every test has names of its own."""
    name = uuid.uuid4().hex
    return Queue(name, Exchange(name), routing_key=name)


@pytest.fixture
def options(tmp_path: Path) -> dict[str, str]:
    transport.register()
    messages = str(tmp_path / "new" / "messages")
    return {
        "data_folder_in": messages,
        "data_folder_out": messages,
        "control_folder": str(tmp_path / "new" / "control"),
    }


@pytest.fixture
def connection(options: dict[str, str]) -> Iterator[Connection]:
    with Connection("renamedfiles://", transport_options=options) as opened:
        yield opened


def _publish(options: dict[str, str], queue: Queue, publisher: int) -> None:
    with Connection("renamedfiles://", transport_options=options) as connection:
        producer = Producer(connection.default_channel)
        for number in range(EACH):
            body = {"from": publisher, "number": number, "padding": "x" * 20_000}
            producer.publish(body, exchange=queue.exchange, routing_key=queue.routing_key, declare=[queue])


def test_every_message_of_many_publishers_arrives_whole_and_once(
    connection: Connection, options: dict[str, str], queue: Queue
) -> None:
    got: list[tuple[int, int]] = []

    def receive(body: Any, message: Any) -> None:
        got.append((body["from"], body["number"]))
        message.ack()

    threads = [threading.Thread(target=_publish, args=(options, queue, n)) for n in range(PUBLISHERS)]
    with Consumer(connection.default_channel, [queue], callbacks=[receive]):
        for thread in threads:
            thread.start()
        while len(got) < PUBLISHERS * EACH:
            connection.drain_events(timeout=10)
    for thread in threads:
        thread.join()
    assert sorted(got) == [(n, m) for n in range(PUBLISHERS) for m in range(EACH)]
    assert not list(Path(options["data_folder_in"]).iterdir())


def test_two_consumers_never_get_one_message(
    connection: Connection, options: dict[str, str], queue: Queue
) -> None:
    _publish(options, queue, 1)
    got: list[int] = []

    def take() -> None:
        with Connection("renamedfiles://", transport_options=options) as own:
            while True:
                try:
                    got.append(own.default_channel._get(queue.name)["properties"]["delivery_tag"])
                except Empty:
                    return

    threads = [threading.Thread(target=take) for _n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), len(set(got))) == (EACH, EACH)


def test_a_message_is_invisible_until_it_is_whole(
    connection: Connection, options: dict[str, str], queue: Queue
) -> None:
    channel = connection.default_channel
    queue(channel).declare()
    (Path(options["data_folder_in"]) / "0000.unfinished").write_text('{"half')
    assert channel._size(queue.name) == 0
    with pytest.raises(Empty):
        channel._get(queue.name)


def test_oldest_first(connection: Connection, options: dict[str, str], queue: Queue) -> None:
    _publish(options, queue, 1)
    channel = connection.default_channel
    bodies = [channel._get(queue.name)["body"] for _n in range(EACH)]
    assert len(set(bodies)) == EACH
    assert channel._size(queue.name) == 0


def test_queues_bound_at_the_same_time_are_all_found(
    connection: Connection, options: dict[str, str], queue: Queue
) -> None:
    everyone = Exchange(queue.name, type="fanout")

    def bind(number: int) -> None:
        with Connection("renamedfiles://", transport_options=options) as own:
            Queue(f"{queue.name}-{number}", everyone)(own.default_channel).declare()

    threads = [threading.Thread(target=bind, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    Producer(connection.default_channel).publish({}, exchange=everyone, declare=[everyone])
    assert [connection.default_channel._size(f"{queue.name}-{n}") for n in range(8)] == [1] * 8
