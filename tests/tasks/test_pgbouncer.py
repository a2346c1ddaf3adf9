"""Engine and senders behind PgBouncer in transaction mode: every transaction may meet another server connection."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

import triggers
from tests.build import live_chain, make_contact, make_template
from tests.processes import manage, running, wait_for
from tests.services import login, service_url
from triggers.models import Journey, Message

PGBOUNCER = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
CONTACTS = 40

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.only_on("postgres"),
    pytest.mark.skipif(PGBOUNCER is None, reason="PgBouncer is not installed"),
]


@pytest.fixture
def pooler(tmp_path: Path) -> Iterator[int]:
    """The port of a PgBouncer that lends two server connections, a transaction at a time."""
    port = _free_port()
    tmp_path.chmod(0o755)
    config = tmp_path / "pgbouncer.ini"
    config.write_text(_configuration(port))
    config.chmod(0o644)
    # It refuses to run as root; any other user will do.
    command = [str(PGBOUNCER), "-q", "-u", "nobody", str(config)]
    process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    with running(process):
        wait_for(lambda: _listens(port) or process.poll() is not None, "PgBouncer does not listen")
        assert process.poll() is None, process.communicate()[0]
        yield port


def test_the_whole_way_through_a_pooler(pooler: int, child_environment: dict[str, str]) -> None:
    make_template()
    chain = [
        ("letter", "send_email", {"template": "reminder"}),
        ("mark", "change_contact", {"add_tags": ["reminded"]}),
        ("bye", "exit", {}),
    ]
    live_chain(chain)
    for number in range(CONTACTS):
        triggers.capture("add_to_cart", contact=make_contact(number))
    environment = child_environment | {"TRIGGERS_TEST_POSTGRES_URL": _url(pooler)}
    workers = [manage("triggers_run", env=environment) for _ in range(3)]
    with running(workers[0]), running(workers[1]), running(workers[2]):
        wait_for(lambda: Message.objects.filter(state="accepted").count() == CONTACTS, "letters are missing")
        wait_for(lambda: Journey.objects.filter(status="exited").count() == CONTACTS, "journeys stand still")
        assert all(worker.poll() is None for worker in workers)
    assert Message.objects.count() == CONTACTS


def _configuration(port: int) -> str:
    given = login(service_url("TRIGGERS_TEST_POSTGRES_URL"))
    server = f"host={given.get('host', '127.0.0.1')} port={given.get('port', 5432)} user={given['user']}"
    if "password" in given:
        server += f" password={given['password']}"
    return f"""[databases]
{connection.settings_dict["NAME"]} = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
ignore_startup_parameters = extra_float_digits
"""


def _url(port: int) -> str:
    user = login(service_url("TRIGGERS_TEST_POSTGRES_URL"))["user"]
    return f"postgres://{user}@127.0.0.1:{port}/"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
