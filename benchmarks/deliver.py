"""Letters per second that one sender process sends, from rendering to the recorded result.

The abandoned-cart letter of the demo shop, queued for contacts on their journeys; a sender claims, checks consent,
suppression and goal, renders, marks, hands over in parallel and records each result. It goes to a mail server that
takes everything at once, and to a provider's HTTP API that answers after 50 ms, through Anymail; both are on loopback in
a process of their own. The rivals send the same letter to the same place:

`floor` and `floor_at_50_ms`: rendered and handed over by as many threads, nothing is asked and nothing recorded.
`post_office_at_50_ms`: django-post_office. `celery_at_50_ms`: a Celery task for each letter with a countdown. Everybody
has their own defaults, ours among them; `post_office_threads_at_50_ms` and `celery_threads_at_50_ms` have as many threads
as we have calls, and `ours_ten_calls_at_50_ms` is ours with fewer.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks.harness.database import durability, own_database, run_sql
from benchmarks.harness.result import Plan, Result, machine
from benchmarks.harness.sink import API_SECONDS, Sink, sink
from benchmarks.harness.workers import Crew, crew
from tests.services import find

WORKERS = 2
REPEATS = 3
# Processes of the Celery worker: one for each core, as its own default is.
PROCESSES = 2
# django-post_office's own number of threads.
POST_OFFICE_THREADS = 5
# Calls at a time of a sender that is set up for more of them by SMTP, or for fewer of them at an API.
WIDE, NARROW = 32, 10
# A letter may differ by the length of its made-up links.
TOLERANCE = 0.02
AIMS = {
    "floor": 0.85,
    "post_office_at_50_ms": 3.0,
    "celery_at_50_ms": 3.0,
}
# What stands beside the figure without being compared with it.
SHOWN = ("two_senders", "wide", "ten_calls_at_50_ms")
Rates = dict[str, list[float]]


def run(plan: Plan) -> Result:
    letters = plan.pick(1_000, 400, 20)
    with own_database():
        conditions: dict[str, Any] = machine() | durability()
        with sink() as where, crew(WORKERS) as workers:
            field = Field(where, workers, letters, is_full=not plan.is_quick)
            rates, left_out = field.measure(plan.repeats(1 if plan.is_quick else REPEATS))
    middle = {name: round(median(values), 1) for name, values in rates.items()}
    figure, at_50_ms = middle.pop("ours"), middle.pop("ours_at_50_ms")
    shown = {name: middle.pop(name) for name in list(middle) if name.endswith(SHOWN)}
    ratios = {
        name: round((at_50_ms if name.endswith("at_50_ms") else figure) / rate, 3)
        for name, rate in middle.items()
    }
    return Result(
        "deliver",
        figure,
        "letters/s",
        conditions
        | {
            "letters": letters,
            "at_50_ms": at_50_ms,
            "api_milliseconds": 1000 * API_SECONDS,
            **shown,
            "calls_at_a_time": field.calls["smtp"],
            "calls_at_a_time_at_50_ms": field.calls["api"],
            "calls_at_a_time_wide": WIDE,
            "post_office_threads": POST_OFFICE_THREADS,
            "celery_processes": PROCESSES,
            "left_out": left_out,
            "bytes_per_letter": field.sizes,
            "runs": {name: [round(one) for one in values] for name, values in rates.items()},
        },
        middle,
        ratios,
        {name: aim for name, aim in AIMS.items() if name in middle},
    )


class Field:
    """Everybody who sends, one after another, and whether each sent every letter."""

    def __init__(self, where: Sink, workers: Crew, letters: int, *, is_full: bool) -> None:
        from benchmarks.harness.shop import add_chain, add_journeys

        self.sink, self.workers, self.letters, self.is_full = where, workers, letters, is_full
        self.accounts = {"smtp": where.smtp_account(), "api": where.api_account()}
        self.calls = {kind: default_calls(account) for kind, account in self.accounts.items()}
        self.chain = add_chain()
        add_journeys(self.chain, letters)
        self.sizes: dict[str, int] = {}

    def measure(self, repeats: int) -> tuple[Rates, dict[str, str]]:
        """Letters per second of each way, the ways taken in turn after a short round to warm up; who was left out, and why."""
        ways = self._ways()
        rates: Rates = defaultdict(list)
        letters, self.letters = self.letters, max(20, self.letters // 10)
        for way in ways.values():
            way()
        self.letters = letters
        for _repeat in range(repeats):
            for name, way in ways.items():
                rates[name].append(way())
        left_out = self._celery(rates, repeats)
        if "post_office_at_50_ms" not in ways:
            left_out["post_office_at_50_ms"] = post_office_missing()
        self._compare_sizes()
        return rates, left_out

    def _ways(self) -> dict[str, Callable[[], float]]:
        from benchmarks.rivals.post_office import is_installed

        smtp, api = self.calls["smtp"], self.calls["api"]
        ways: dict[str, Callable[[], float]] = {
            "ours": lambda: self._ours("smtp", 1, smtp),
            "floor": lambda: self._floor("smtp", 1, smtp),
            "ours_two_senders": lambda: self._ours("smtp", 2, smtp),
            "floor_two_senders": lambda: self._floor("smtp", 2, smtp),
            "ours_at_50_ms": lambda: self._ours("api", 1, api),
            "floor_at_50_ms": lambda: self._floor("api", 1, api),
            "ours_at_50_ms_two_senders": lambda: self._ours("api", 2, api),
            "ours_ten_calls_at_50_ms": lambda: self._ours("api", 1, NARROW),
            "floor_ten_calls_at_50_ms": lambda: self._floor("api", 1, NARROW),
        }
        if self.is_full:
            ways |= {
                "ours_wide": lambda: self._ours("smtp", 1, WIDE),
                "floor_wide": lambda: self._floor("smtp", 1, WIDE),
            }
        if is_installed():
            ways["post_office_at_50_ms"] = lambda: self._post_office(POST_OFFICE_THREADS)
            ways["post_office_threads_at_50_ms"] = lambda: self._post_office(api)
        return ways

    def _ours(self, kind: str, senders: int, calls: int) -> float:
        from benchmarks.harness.shop import queue_letters

        queue_letters(self.chain, self.letters)
        done = self.workers.run(senders, send_queued, self.accounts[kind], calls)
        found = run_sql("SELECT count(*) FROM triggers_message WHERE state = 'accepted'")[0][0]
        self._check(f"{kind}.ours", found)
        return done.rate

    def _floor(self, kind: str, senders: int, threads: int) -> float:
        from benchmarks.rivals.plain import send_plain

        done = self.workers.run(senders, send_plain, self.letters // senders, self.accounts[kind], threads)
        self._check(f"{kind}.floor", done.done, is_once=senders == 1)
        return done.rate

    def _post_office(self, threads: int) -> float:
        from benchmarks.rivals.post_office import send_by_post_office

        run_sql("TRUNCATE post_office_email, post_office_log CASCADE")
        settings = {"EMAIL_BACKEND": self.accounts["api"]["BACKEND"]} | self.sink.api_settings()
        done = self.workers.run(1, send_by_post_office, self.letters, settings, threads)
        self._check("api.post_office", done.done)
        return done.rate

    def _celery(self, rates: Rates, repeats: int) -> dict[str, str]:
        """Two processes send forty letters a second at 50 ms: fewer letters are enough to see it."""
        from benchmarks.rivals.celery_letters import celery_rate, celery_worker

        pools = {
            "celery_at_50_ms": ("prefork", PROCESSES),
            "celery_threads_at_50_ms": ("threads", self.calls["api"]),
        }
        redis = find("redis")
        if not redis.is_usable:
            return dict.fromkeys(pools, str(redis))
        letters = max(20, self.letters // 5)
        for name, (pool, concurrency) in pools.items():
            with celery_worker(self.accounts["api"], pool, concurrency):
                celery_rate(20)
                self.sink.take()
                for _repeat in range(repeats):
                    rates[name].append(celery_rate(letters))
                    self._check("api.celery", letters, expected=letters)
        return {}

    def _check(self, name: str, recorded: int, *, is_once: bool = True, expected: int | None = None) -> None:
        """Every letter was sent, once, and recorded."""
        expected = expected or self.letters
        taken = self.sink.take()
        recipients = len({one.recipient for one in taken}) if is_once else expected
        if not len(taken) == recipients == recorded == expected:
            raise AssertionError(
                f"{name}: {len(taken)} letters came for {recipients} recipients, {recorded} of {expected} were recorded"
            )
        self.sizes[name] = round(sum(one.size for one in taken) / len(taken))

    def _compare_sizes(self) -> None:
        for name, size in self.sizes.items():
            ours = self.sizes[f"{name.partition('.')[0]}.ours"]
            if abs(size / ours - 1) > TOLERANCE:
                raise AssertionError(f"the rivals did not send the same letter: {self.sizes}")


def default_calls(account: dict[str, Any]) -> int:
    """Calls at a time that a sender makes through an account unless it is told otherwise."""
    from django.conf import settings
    from django.test import override_settings

    from benchmarks.harness.shop import LANE
    from triggers.delivery.concurrency import concurrency_of

    with override_settings(TRIGGERS=settings.TRIGGERS | {"EMAIL_ACCOUNTS": {"default": account}}):
        return concurrency_of(LANE)


def send_queued(account: dict[str, Any], calls: int) -> int:
    """In a worker: what the engine's own loop does with a lane, until nothing is queued. Returns how many left."""
    from django.conf import settings
    from django.test import override_settings

    from benchmarks.harness.shop import LANE
    from triggers.delivery.send import deliver

    sent = 0
    given = {"EMAIL_ACCOUNTS": {"default": account}, "SEND_CONCURRENCY": calls}
    with override_settings(TRIGGERS=settings.TRIGGERS | given):
        while (result := deliver(LANE)).looked_at:
            sent += result.accepted
    return sent


def post_office_missing() -> str:
    from benchmarks.rivals.post_office import INSTALL

    return INSTALL
