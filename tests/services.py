"""Which servers the suite can use here, found by really talking to each.

`python -m tests.services [KEY…]` prints what was found and ends with 1 when one of the named services cannot be used.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit, urlunsplit

import pymysql
import redis
from kombu import Connection
from psycopg import connect as connect_postgres

CONNECT_SECONDS = 3
CHROMIUM_SECONDS = 20
MARIADB_SOCKET = "/run/mysqld/mysqld.sock"
CHROMIUM_COMMANDS = ("chromium", "chromium-browser", "google-chrome")
DEFAULT_URLS = {
    "TRIGGERS_TEST_POSTGRES_URL": "postgres://postgres@127.0.0.1:5432/",
    "TRIGGERS_TEST_MARIADB_URL": "mysql://root@127.0.0.1:3306/",
    # The last of Redis' 16 databases: the one a developer's own shop is least likely to use.
    "TRIGGERS_TEST_REDIS_URL": "redis://127.0.0.1:6379/15",
    "TRIGGERS_TEST_RABBITMQ_URL": "amqp://guest:guest@127.0.0.1:5672//",
}


@dataclass(frozen=True, slots=True)
class Service:
    """One server or program; `problem` is empty when it can be used, and then `address` says where it is."""

    key: str
    name: str
    address: str = ""
    version: str = ""
    problem: str = ""

    @property
    def is_usable(self) -> bool:
        return not self.problem

    def __str__(self) -> str:
        if self.problem:
            return f"{self.name} ({self.problem})"
        place = without_password(self.address) if self.address else ""
        return f"{self.name} {self.version}" + (f" at {place}" if place else "")


def service_url(variable: str, environ: Mapping[str, str] = os.environ) -> str:
    return environ.get(variable) or DEFAULT_URLS[variable]


def without_password(url: str) -> str:
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:***@{host}"))


def login(url: str) -> dict[str, Any]:
    """Host, port, user, password and query options of a URL, absent where the URL does not say."""
    parts: SplitResult = urlsplit(url)
    found: dict[str, Any] = {
        "host": parts.hostname,
        "port": parts.port,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
    }
    return {key: value for key, value in found.items() if value} | dict(parse_qsl(parts.query))


def find_sqlite(environ: Mapping[str, str]) -> Service:
    return Service("sqlite", "SQLite", version=sqlite3.sqlite_version)


def find_postgres(environ: Mapping[str, str]) -> Service:
    url = service_url("TRIGGERS_TEST_POSTGRES_URL", environ)
    given = login(url)
    with connect_postgres(**given, dbname="postgres", connect_timeout=CONNECT_SECONDS) as connection:
        (version,) = connection.execute("SHOW server_version").fetchone() or ("",)
    return Service("postgres", "PostgreSQL", url, str(version).split()[0])


def find_mariadb(environ: Mapping[str, str]) -> Service:
    """Over TCP first; then, with the same user, over the socket that Debian opens to the system's root."""
    url = service_url("TRIGGERS_TEST_MARIADB_URL", environ)
    try:
        return _mariadb_at(url)
    except pymysql.MySQLError:
        socket_url = _mariadb_socket_url(url)
        if not Path(MARIADB_SOCKET).exists() or socket_url == url:
            raise
        return _mariadb_at(socket_url)


def _mariadb_at(url: str) -> Service:
    with (
        pymysql.connect(**login(url), connect_timeout=CONNECT_SECONDS) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT VERSION()")
        (version,) = cursor.fetchone()
    return Service("mariadb", "MariaDB", url, version.split("-")[0])


def _mariadb_socket_url(url: str) -> str:
    parts = urlsplit(url)
    credentials = parts.netloc.rpartition("@")[0]
    return f"mysql://{credentials}@localhost/?unix_socket={quote(MARIADB_SOCKET)}"


def find_redis(environ: Mapping[str, str]) -> Service:
    url = service_url("TRIGGERS_TEST_REDIS_URL", environ)
    with redis.Redis.from_url(
        url, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=CONNECT_SECONDS
    ) as client:
        return Service("redis", "Redis", url, str(client.info("server")["redis_version"]))


def find_rabbitmq(environ: Mapping[str, str]) -> Service:
    url = service_url("TRIGGERS_TEST_RABBITMQ_URL", environ)
    with Connection(url, connect_timeout=CONNECT_SECONDS, transport_options={"max_retries": 0}) as connection:
        connection.connect()
        return Service("rabbitmq", "RabbitMQ", url, str(connection.connection.server_properties["version"]))


def find_chromium(environ: Mapping[str, str]) -> Service:
    wanted = environ.get("CHROMIUM")
    path = next(filter(None, map(shutil.which, [wanted] if wanted else CHROMIUM_COMMANDS)), None)
    if path is None:
        return Service(
            "chromium", "Chromium", problem=f"no {wanted or ' or '.join(CHROMIUM_COMMANDS)} on PATH"
        )
    answer = subprocess.run(
        [path, "--no-sandbox", "--version"],
        capture_output=True,
        text=True,
        timeout=CHROMIUM_SECONDS,
        check=True,
    )
    version = re.search(r"\d+(\.\d+)+", answer.stdout)
    return Service("chromium", "Chromium", path, version.group() if version else answer.stdout.strip())


FINDERS: dict[str, tuple[str, Callable[[Mapping[str, str]], Service]]] = {
    "sqlite": ("SQLite", find_sqlite),
    "postgres": ("PostgreSQL", find_postgres),
    "mariadb": ("MariaDB", find_mariadb),
    "redis": ("Redis", find_redis),
    "rabbitmq": ("RabbitMQ", find_rabbitmq),
    "chromium": ("Chromium", find_chromium),
}


def find(key: str, environ: Mapping[str, str] = os.environ) -> Service:
    """The service, or a `Service` whose `problem` says in one line why it cannot be used. Never raises."""
    name, finder = FINDERS[key]
    try:
        return finder(environ)
    except Exception as error:  # five client libraries, each with its own family of errors
        # The URL is ours to name; what libraries say about it may run over several lines.
        variable = f"TRIGGERS_TEST_{key.upper()}_URL"
        place = f" at {without_password(service_url(variable, environ))}" if variable in DEFAULT_URLS else ""
        lines = str(error).strip().splitlines() or [type(error).__name__]
        return Service(key, name, problem=f"not reachable{place}: {lines[0]}")


def find_all(environ: Mapping[str, str] = os.environ) -> dict[str, Service]:
    """Every service by key, looked for at the same time, so that the slowest refusal is all the time it takes."""
    with ThreadPoolExecutor(len(FINDERS)) as pool:
        return dict(zip(FINDERS, pool.map(lambda key: find(key, environ), FINDERS), strict=True))


@cache
def found(key: str) -> Service:
    """`find` with this process's environment, asked once."""
    return find(key)


def main(keys: list[str]) -> int:
    unknown = set(keys) - set(FINDERS)
    if unknown:
        print(f"unknown service {', '.join(sorted(unknown))}; known: {', '.join(FINDERS)}", file=sys.stderr)
        return 2
    services = [find(key) for key in keys or FINDERS]
    for service in services:
        print(service)
    return 0 if all(service.is_usable for service in services) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
