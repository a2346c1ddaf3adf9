"""One Celery task for each letter, put off with `countdown`, as a shop without an engine would do it well.

The row is read, the letter rendered and sent over a connection that the process keeps, and the row marked. The broker
is Redis; results are not stored. `celery -A benchmarks.rivals.celery_letters worker` is the worker.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery

from tests.services import service_url

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
ACCOUNT = "TRIGGERS_BENCH_ACCOUNT"
QUEUE = "TRIGGERS_BENCH_QUEUE"
# Seconds ahead: all letters are in the workers' hands by then, as they are when a countdown is hours long.
AHEAD_SECONDS = 2.0
PATIENCE_SECONDS = 120.0

app = Celery("letters", broker=service_url("TRIGGERS_TEST_REDIS_URL"))
app.conf.update(
    task_ignore_result=True,
    task_default_queue=os.environ.get(QUEUE, "triggers_bench"),
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
)
_kept = threading.local()


@app.task(name="bench.send_letter")
def send_letter(number: int) -> None:
    from benchmarks.harness.database import run_sql
    from benchmarks.rivals.plain import make_message, open_connection

    if run_sql("SELECT status FROM bench_letter WHERE id = %s", [number]) != [("queued",)]:
        return
    if not hasattr(_kept, "connection"):
        _kept.connection = open_connection(json.loads(os.environ[ACCOUNT]))
    _kept.connection.send_messages([make_message(number)])
    run_sql("UPDATE bench_letter SET status = 'sent', sent_at = clock_timestamp() WHERE id = %s", [number])


@contextmanager
def celery_worker(account: dict[str, Any], pool: str, concurrency: int) -> Iterator[None]:
    """A worker with a queue of its own, ended and its queue emptied with the block."""
    os.environ[ACCOUNT] = json.dumps(account)
    os.environ[QUEUE] = app.conf.task_default_queue = f"triggers_bench_{os.getpid()}"
    options = ["--pool", pool, "--concurrency", str(concurrency), "--loglevel", "ERROR"]
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "celery",
        "-A",
        "benchmarks.rivals.celery_letters",
        "worker",
        *options,
    ]
    process = subprocess.Popen(
        [*command, "--without-gossip", "--without-mingle", "--without-heartbeat"], stdout=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
        _forget_queue(app.conf.task_default_queue)


def _forget_queue(name: str) -> None:
    """Deleting it leaves what kombu's Redis transport keeps about it."""
    with app.connection_for_write() as connection:
        channel = connection.default_channel
        channel.queue_delete(name)
        channel.client.delete(f"_kombu.binding.{name}", f"_kombu.binding_permanent.{name}", name)


def celery_rate(count: int) -> float:
    """Letters per second from the moment all are due to the last that was recorded."""
    from benchmarks.harness.database import run_sql

    run_sql("DROP TABLE IF EXISTS bench_letter")
    run_sql("CREATE TABLE bench_letter (id bigint PRIMARY KEY, status text NOT NULL, sent_at timestamptz)")
    run_sql("INSERT INTO bench_letter SELECT n, 'queued' FROM generate_series(1, %s) n", [count])
    ((begun,),) = run_sql("SELECT clock_timestamp()")
    due = time.monotonic() + AHEAD_SECONDS
    for number in range(1, count + 1):
        send_letter.apply_async((number,), countdown=max(0.0, due - time.monotonic()))
    ends = due + PATIENCE_SECONDS
    while run_sql("SELECT count(*) FROM bench_letter WHERE status = 'queued'") != [(0,)]:
        if time.monotonic() > ends:
            raise AssertionError("Celery did not send all letters")
        time.sleep(0.1)
    ((seconds,),) = run_sql(
        "SELECT extract(epoch FROM max(sent_at) - %s::timestamptz) FROM bench_letter", [begun]
    )
    return count / (float(seconds) - AHEAD_SECONDS)
