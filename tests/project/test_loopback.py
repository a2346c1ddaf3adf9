"""The suite's own wall: tests reach this machine and nothing else."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.loopback import NetworkForbidden


@pytest.fixture(params=[socket.SOCK_STREAM, socket.SOCK_DGRAM], ids=["tcp", "udp"])
def outgoing(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, request.param) as opened:
        yield opened


def test_a_connection_to_the_world_is_refused(outgoing: socket.socket) -> None:
    with pytest.raises(NetworkForbidden, match=r"192\.0\.2\.1"):
        outgoing.connect(("192.0.2.1", 80))


def test_a_datagram_to_the_world_is_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened, pytest.raises(NetworkForbidden):
        opened.sendto(b"?", ("192.0.2.1", 53))


@pytest.mark.parametrize("name", ["example.com", b"example.com"])
def test_a_name_is_not_looked_up(name: str | bytes) -> None:
    with pytest.raises(NetworkForbidden, match=r"example\.com"):
        socket.getaddrinfo(name, 80)


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "169.254.169.254", None])
def test_numbers_and_this_machine_may_be_looked_up(name: str | None) -> None:
    assert socket.getaddrinfo(name, 80)


def test_a_listener_of_the_test_can_be_reached() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        assert client.getpeername() == server.getsockname()
