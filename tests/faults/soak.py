"""`make soak MINUTES=n`: a shop under load while its workers, its database and its broker are killed at random.

Everything is its own: a PostgreSQL cluster, a Redis server and a mail sink in a scratch folder. At the end the books are
printed; the exit status is not 0 when they do not balance. `--seed` plays the same kills again, as far as chance allows.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import django

from tests.faults.deliveries import DeliveryLog, wish_of
from tests.faults.esp import ESP, esp
from tests.faults.servers import OwnPostgres, OwnRedis
from tests.faults.smtp_sink import SMTPSink, smtp_sink
from tests.processes import ROOT, wait_for

DATABASE = "triggers_soak"
CONCURRENCY = 4
# Seconds between two kills, at least and at most.
PAUSE = (0.5, 3.0)
CELERY = ("-m", "celery", "-A", "demo_shop")
WORKER = (*CELERY, "worker", "-l", "critical", "--concurrency", "2")
# Processes by name, and how many senders each is at a time.
CREW: dict[str, tuple[tuple[str, ...], int]] = {
    "worker 1": ((*WORKER, "-n", "one@soak"), 2),
    "worker 2": ((*WORKER, "-n", "two@soak"), 2),
    "runner": (("manage.py", "triggers_run"), 1),
    "beat": ((*CELERY, "beat", "-l", "critical"), 0),
}
SENDERS = sum(senders for _command, senders in CREW.values())


# Seconds between two orders. Over HTTP one recipient in twenty is answered "too many requests", each of which closes the lane
# for a while: the shop must not sell faster than its letters can leave.
ORDER_SECONDS = {"smtp": 0.02, "api": 0.25}
SINKS: dict[str, Callable[[DeliveryLog], AbstractContextManager[SMTPSink | ESP]]] = {
    "smtp": smtp_sink,
    "api": esp,
}


class Crew:
    """The processes of the shop: whoever dies is replaced, as a supervisor does."""

    def __init__(self, folder: Path, order_seconds: float) -> None:
        self.folder, self.order_seconds = folder, order_seconds
        self.shops = 0
        self._log = (folder / "processes.log").open("ab")
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def names(self) -> list[str]:
        return ["shop", *CREW]

    def keep_going(self) -> None:
        for name in self.names:
            process = self._running.get(name)
            if process is None or process.poll() is not None:
                self._running[name] = self._start(name)

    def kill(self, name: str) -> None:
        process = self._running.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def close(self) -> None:
        for name in list(self._running):
            self.kill(name)
        self._log.close()

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        if name == "shop":
            self.shops += 1
            command: tuple[str, ...] = (
                "-m",
                "tests.faults.soak_shop",
                str(self.folder / "diary"),
                str(self.shops),
                str(self.order_seconds),
            )
        else:
            command = CREW[name][0]
        return subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, stdout=self._log, stderr=self._log, start_new_session=True
        )


class Nemesis:
    """Does harm, and keeps count of how many letters each harm may leave in doubt."""

    def __init__(self, crew: Crew, postgres: OwnPostgres, broker: OwnRedis, seed: int) -> None:
        self.crew, self.postgres, self.broker = crew, postgres, broker
        self.chance = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.most_unknown = 0

    def strike(self) -> None:
        harms: list[tuple[str, Callable[[], int]]] = [
            *((f"kill -9 {name}", lambda name=name: self._kill(name)) for name in self.crew.names),
            ("end all sessions of PostgreSQL", self._cut),
            ("crash PostgreSQL", self._crash),
            ("empty Redis", self._empty),
            ("freeze Redis", self._freeze),
            ("kill -9 Redis", self._kill_broker),
        ]
        name, harm = self.chance.choice(harms)
        self.most_unknown += harm() * CONCURRENCY
        self.done[name] += 1

    def _kill(self, name: str) -> int:
        self.crew.kill(name)
        return CREW[name][1] if name in CREW else 0

    def _cut(self) -> int:
        with self.postgres.connect(DATABASE) as session:
            session.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        return SENDERS

    def _crash(self) -> int:
        self.postgres.crash()
        self.postgres.start()
        return SENDERS

    def _empty(self) -> int:
        self.broker.client.flushall()
        return 0

    def _freeze(self) -> int:
        self.broker.freeze()
        time.sleep(self.chance.uniform(*PAUSE))
        self.broker.thaw()
        return 0

    def _kill_broker(self) -> int:
        self.broker.kill()
        self.broker.start()
        return 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("minutes", type=float)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--via", choices=list(SINKS), default="smtp")
    given = parser.parse_args(arguments)
    print(f"seed {given.seed}, {given.minutes:g} minutes, over {given.via}", flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="triggers-soak-")))
        log = DeliveryLog(folder / "deliveries")
        sink = stack.enter_context(SINKS[given.via](log))
        postgres, broker = stack.enter_context(servers(folder))
        prepare(postgres, broker, sink, folder)
        crew = Crew(folder, ORDER_SECONDS[given.via])
        stack.callback(crew.close)
        nemesis = Nemesis(crew, postgres, broker, given.seed)
        harass(crew, nemesis, given.minutes * 60)
        settle(crew)
        return conclude(log, folder / "diary", nemesis)


@contextmanager
def servers(folder: Path) -> Iterator[tuple[OwnPostgres, OwnRedis]]:
    postgres, broker = OwnPostgres(folder), OwnRedis(folder)
    try:
        postgres.start()
        broker.start()
        yield postgres, broker
    finally:
        broker.close()
        postgres.close()


def prepare(postgres: OwnPostgres, broker: OwnRedis, sink: SMTPSink | ESP, folder: Path) -> None:
    """Django on the soak's own database, for this process and those it starts; the shop with its chain."""
    with postgres.connect() as session:
        session.execute(f"CREATE DATABASE {DATABASE}")
    given = {
        "EMAIL_ACCOUNTS": {"default": sink.account(timeout=5)},
        "SEND_CONCURRENCY": CONCURRENCY,
        "SEND_TIMEOUT": 5,
        "RETRY_FIRST": 1,
        "RETRY_MOST": 5,
        "TICK_SECONDS": 1,
    }
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
        "TRIGGERS_TEST_SETTINGS": json.dumps(given),
        "TRIGGERS_TEST_DB": "postgres",
        "TRIGGERS_TEST_DB_NAME": DATABASE,
        "TRIGGERS_TEST_DIR": str(folder),
        "TRIGGERS_TEST_POSTGRES_URL": postgres.url,
        "TRIGGERS_TEST_BROKER_URL": broker.url,
        "TRIGGERS_TEST_QUEUE": DATABASE,
    }
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("triggers_beat", verbosity=0)
    from tests.faults.scenario import Scenario

    Scenario(sink, {}).open()


def harass(crew: Crew, nemesis: Nemesis, seconds: float) -> None:
    """Let the shop run, and strike again and again."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        crew.keep_going()
        time.sleep(nemesis.chance.uniform(*PAUSE))
        nemesis.strike()


def settle(crew: Crew) -> None:
    """No more harm and no more orders: what waits has time to leave, then everybody goes home."""
    from django.db import connection

    connection.close()
    crew.keep_going()
    crew.kill("shop")
    while left := _left():
        # However long the backlog is: what counts is that it gets shorter.
        wait_for(partial(_is_below, left), f"the workers stand still: {left} are left", 300)
    crew.close()


def _is_below(left: int) -> bool:
    return _left() < left


def _left() -> int:
    """Events and letters with which somebody has still to do something."""
    from triggers.models import Message, PendingEvent

    letters = Message.objects.filter(state__in=("queued", "held", "sending"))
    return PendingEvent.objects.count() + letters.count()


def conclude(log: DeliveryLog, diary: Path, nemesis: Nemesis) -> int:
    """Print the harm done and the books. Returns the exit status."""
    from tests.faults.checker import balance, find_problems, gather

    evidence = gather(log.read(), read_diary(diary.read_text(encoding="utf-8")))
    lost_answers = sum(wish_of(row.to) == "dropafterdata" for row in evidence.rows)
    problems = find_problems(evidence, most_unknown=nemesis.most_unknown + lost_answers)
    for name, times in sorted(nemesis.done.items()):
        print(f"{times:5} × {name}")
    for name, count in balance(evidence).items():
        print(f"{name:>8} {count:8}")
    print(f"may be unknown: {nemesis.most_unknown} by kills, {lost_answers} by providers that hung up")
    for problem in problems[:50]:
        print(f"failed: {problem}")
    print("the books do not balance" if problems else "the books balance", flush=True)
    return 1 if problems else 0


def read_diary(text: str) -> list[Any]:
    """Beliefs from the shop's diary; a last line that broke off counts as far as it can be read."""
    from tests.faults.checker import Belief
    from tests.faults.scenario import LETTERS

    answers: dict[str, bool | None] = {}
    for line in text.splitlines():
        word, _, address = line.partition(" ")
        if word == "try" and address.endswith("@example.com"):
            answers[address] = None
        elif address in answers:
            answers[address] = {"told": True, "refused": False}[word]
    letters = tuple(key for key, _class in LETTERS)
    return [Belief("add_to_cart", address, told, letters) for address, told in answers.items()]


if __name__ == "__main__":
    sys.exit(main())
