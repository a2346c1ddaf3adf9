"""No test talks to the world: Python's own sockets refuse every address that is neither loopback nor a test server."""

from __future__ import annotations

import os
import socket
import sys
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from tests.services import DEFAULT_URLS, service_url


class NetworkForbidden(RuntimeError):
    """Not an OSError, so that code which forgives a failed connection does not forgive this."""


CONNECTS = {"socket.connect", "socket.sendto", "socket.sendmsg"}
LOOKUPS = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}


def forbid_the_world() -> None:
    """From here on, for this whole process: an audit hook sees every thread and cannot be taken out again."""
    hosts = {"localhost", socket.gethostname(), socket.getfqdn()} | set(_server_hosts())
    addresses = {address for host in _server_hosts() for address in _addresses(host)}

    def refuse(event: str, args: tuple[Any, ...]) -> None:
        if not event.startswith("socket."):
            return
        if event in CONNECTS and isinstance(args[1], tuple):
            host = args[1][0]
        elif event in LOOKUPS:
            host = args[0]
        else:
            return
        name = os.fsdecode(host) if isinstance(host, bytes) else host
        # Looking up a number asks nobody; an empty name means this machine.
        if (
            not name
            or name in hosts
            or name in addresses
            or (_is_number(name) if event in LOOKUPS else _is_loopback(name))
        ):
            return
        raise NetworkForbidden(f"a test tried to reach {name} ({event})")

    sys.addaudithook(refuse)


def _server_hosts() -> list[str]:
    return [host for variable in DEFAULT_URLS if (host := urlsplit(service_url(variable)).hostname)]


def _addresses(host: str) -> set[str]:
    try:
        return {str(answer[4][0]) for answer in socket.getaddrinfo(host, None)}
    except OSError:
        return set()


def _is_number(name: str) -> bool:
    try:
        ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    return _is_number(name) and ip_address(name.partition("%")[0]).is_loopback
