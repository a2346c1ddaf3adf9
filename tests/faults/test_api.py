"""F1, F7: what the API has answered for is there, whenever its web process dies; and what it cannot write, it says."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from typing import Any

import pytest
from django.core.cache import cache
from django.db import OperationalError, connection, connections

from tests.api.conftest import ADDRESS, Caller, login
from tests.faults.scenario import environment_for
from tests.processes import ROOT, wait_for
from triggers.crashpoints import EXIT_STATUS, VARIABLE
from triggers.models import ApiReceipt, Consent, Contact, Event

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("postgres")]

BATCHES = 60
BATCH = 20


def deed(environment: Mapping[str, str], *arguments: str, at: str = "") -> int:
    command = [sys.executable, "-m", "tests.faults.deeds", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**environment, VARIABLE: at}, timeout=120).returncode


@pytest.mark.fault("F1")
class TestKilled:
    """The caller has no answer, and sends the same again."""

    @pytest.mark.parametrize(
        ("point", "written"),
        [("capture_many.events_written", 0), ("api.before_commit", 0), ("api.after_commit", 2)],
    )
    def test_while_events_are_written(self, child_environment: Any, point: str, written: int) -> None:
        environment = environment_for(child_environment, {})
        caller = Caller()
        assert deed(environment, "send_events", caller.text, "a", "b", at=point) == EXIT_STATUS
        assert Event.objects.count() == ApiReceipt.objects.count() == written
        assert deed(environment, "send_events", caller.text, "a", "b") == 0
        assert Event.objects.count() == ApiReceipt.objects.count() == 2

    def test_while_contacts_are_written(self, child_environment: Any) -> None:
        environment = environment_for(child_environment, {})
        caller = Caller()
        assert deed(environment, "send_contact", caller.text, at="api.contacts_written") == EXIT_STATUS
        assert not Contact.objects.exists()
        assert deed(environment, "send_contact", caller.text) == 0
        assert Consent.objects.get().contact.email == "ann@example.com"


@contextmanager
def served(environment: Mapping[str, str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """gunicorn in a process group of its own, killed at the end."""
    options = ["--workers", "2", "--threads", "2", "--bind", f"127.0.0.1:{port}", "--log-level", "critical"]
    command = [sys.executable, "-m", "gunicorn", *options, "demo_shop.wsgi:application"]
    server = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    try:
        wait_for(lambda: _answers(port), "gunicorn did not start")
        yield server
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.fault("F1")
def test_killed_under_load_nothing_acknowledged_is_lost_and_nothing_is_there_twice(
    child_environment: dict[str, str],
) -> None:
    environment = environment_for(child_environment, {})
    caller = Caller()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    acknowledged: dict[str, str] = {}
    reached = threading.Event()

    def send(batch: int) -> bool:
        """Whether there was an answer."""
        keys = [f"{batch}-{number}" for number in range(BATCH)]
        body = json.dumps({"events": [login(idempotency_key=key) for key in keys]})
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {caller.text}"}
        one = HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            one.request("POST", f"{ADDRESS}events", body, headers)
            answer = one.getresponse()
            results = json.loads(answer.read())["results"] if answer.status == 200 else []
        except (OSError, HTTPException):
            return False
        finally:
            one.close()
        acknowledged.update(zip(keys, (result["id"] for result in results), strict=bool(results)))
        if len(acknowledged) > BATCHES * BATCH // 4:
            reached.set()
        return bool(results)

    unanswered: list[int] = []

    def load(share: range) -> None:
        unanswered.extend(batch for batch in share if not send(batch))

    threads = [threading.Thread(target=load, args=[range(start, BATCHES, 3)]) for start in range(3)]
    with served(environment, port) as server:
        for thread in threads:
            thread.start()
        assert reached.wait(60)
        os.killpg(server.pid, signal.SIGKILL)
        for thread in threads:
            thread.join()
    assert unanswered
    with served(environment, port):
        assert all(send(batch) for batch in unanswered)
    written = {str(uid) for uid in Event.objects.values_list("uid", flat=True)}
    assert set(acknowledged.values()) == written
    assert len(acknowledged) == len(written) == Event.objects.count() == BATCHES * BATCH


@pytest.mark.fault("F7")
class TestDatabase:
    """The caller is told to come back."""

    def test_read_only(self, transactional_db: None) -> None:
        cache.clear()
        caller = Caller()
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = on")
            answer = caller.post("events", login())
            cursor.execute("SET default_transaction_read_only = off")
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert caller.results("events", login())[0]["status"] == "accepted"

    def test_away(self, transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
        caller = Caller()

        def refuse(*args: Any, **kwargs: Any) -> None:
            raise OperationalError("connection refused")

        connection.close()
        monkeypatch.setattr(type(connections["default"]), "get_new_connection", refuse)
        answer = caller.post("events", login())
        monkeypatch.undo()
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert set(json.loads(answer.content)["error"]) == {"field", "message"}
