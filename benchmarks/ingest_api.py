"""Events per second that the JSON API takes over HTTP, in batches of 100, by two gunicorn workers.

A process of its own sends the batches over a few kept connections: 10,000 contacts, each event with an idempotency key and an
item list. An event counts when its answer says that it was accepted; afterwards the rows are counted. The rival is a bare view in the
same server: it parses the same body and writes 100 rows into the same event table with `bulk_create`, and asks for no key,
no contact, no idempotency, and leaves the engine nothing to find.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from statistics import median

from benchmarks.harness.database import durability, own_database, run_sql, tidy
from benchmarks.harness.result import Plan, Result, machine
from benchmarks.harness.workers import crew

WORKERS = 2
CONNECTIONS = 4
BATCH = 100
CONTACTS = 10_000
EVENTS_A_SECOND = 5_000.0
OURS, RIVAL = "/triggers/api/v1/events", "/bare"


def run(plan: Plan) -> Result:
    batches = plan.pick(1_000, 200, 8)
    figures: dict[str, list[float]] = {OURS: [], RIVAL: []}
    with own_database():
        from triggers.api.keys import make_key

        _key, text = make_key(name="bench", events=["*"], may_write_contacts=False)
        _make_contacts()
        with served() as port, crew(1) as client:
            for number in range(plan.repeats(3) + 1):
                for where, rates in figures.items():
                    tidy("triggers_event", "triggers_pendingevent", "triggers_apireceipt")
                    done = client.run(1, send, port, where, text, batches, f"{number}")
                    if done.done != batches * BATCH:
                        raise AssertionError(f"{where} took {done.done} of {batches * BATCH} events")
                    rates.append(done.rate)
        written = run_sql("SELECT count(*) FROM triggers_pendingevent")[0][0]
        if written != batches * BATCH * len(figures[OURS]):
            raise AssertionError(f"{written} events were written")
        conditions = machine() | durability()
    # The first round warms up.
    ours, bare = (median(figures[where][1:] or figures[where]) for where in (OURS, RIVAL))
    return Result(
        "ingest_api",
        round(ours),
        "events/s",
        conditions
        | {
            "batches": batches,
            "connections": CONNECTIONS,
            "gunicorn_workers": WORKERS,
            "runs": {where: [round(one) for one in rates] for where, rates in figures.items()},
        },
        {"five_thousand": EVENTS_A_SECOND, "bare_bulk_create": round(bare)},
        {"five_thousand": round(ours / EVENTS_A_SECOND, 3), "bare_bulk_create": round(ours / bare, 3)},
        {"five_thousand": 1.0},
    )


def send(port: int, where: str, text: str, batches: int, run_name: str) -> int:
    """In the client's process: that many batches over the connections. Returns how many events were accepted."""
    bodies = [_body(run_name, number) for number in range(batches)]
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {text}"}
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        shares = [bodies[start::CONNECTIONS] for start in range(CONNECTIONS)]
        return sum(pool.map(lambda share: _send_some(port, where, headers, share), shares))


def _send_some(port: int, where: str, headers: dict[str, str], bodies: Sequence[bytes]) -> int:
    connection, accepted = HTTPConnection("127.0.0.1", port, timeout=60), 0
    for body in bodies:
        connection.request("POST", where, body, headers)
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise AssertionError(f"{answer.status}: {said[:200]!r}")
        accepted += said.count(b'"accepted"')
    connection.close()
    return accepted


def _body(run_name: str, batch: int) -> bytes:
    events = [
        {
            "name": "view_item",
            "contact": {"external_id": str((batch * BATCH + number) * 7919 % CONTACTS)},
            "data": {
                "currency": "EUR",
                "value": 64.9,
                "items": [
                    {"item_id": f"lamp-{number}", "item_name": "Table lamp", "price": 64.9, "quantity": 1}
                ],
            },
            "object_ref": f"product:{number}",
            "idempotency_key": f"{run_name}-{batch}-{number}",
        }
        for number in range(BATCH)
    ]
    return json.dumps({"events": events}).encode()


def _make_contacts() -> None:
    from triggers.models import Contact

    Contact.objects.bulk_create(
        [Contact(external_id=str(number)) for number in range(CONTACTS)], batch_size=1000
    )


@contextmanager
def served() -> Iterator[int]:
    """The port of gunicorn with the benchmarks' settings, on this run's database."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--workers", str(WORKERS), "--threads", str(CONNECTIONS), "--bind", f"127.0.0.1:{port}"]
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        *options,
        "--graceful-timeout",
        "1",
        "--log-level",
        "warning",
        "benchmarks.harness.wsgi:application",
    ]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "benchmarks.settings"}
    with subprocess.Popen(command, env=environment) as server:
        try:
            _wait_for(port)
            yield port
        finally:
            server.terminate()


def _wait_for(port: int) -> None:
    for _attempt in range(300):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("gunicorn did not start")
