"""Calls to a provider that are under way: no more than a sender may hold, each in a thread of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import TracebackType

from django.db import connections

from triggers.crashpoints import crash_point
from triggers.delivery.claim import Claimed
from triggers.delivery.email import Letter, Mailer
from triggers.delivery.errors import in_doubt
from triggers.delivery.lane import Admission
from triggers.delivery.outcome import Outcome
from triggers.delivery.text import send_text

# A message, what became of its call, and what was known about the lane when it was claimed.
Result = tuple[Claimed, Outcome, Admission]

# How long the first result of several waits for the others: recorded together, they cost little more than one.
TOGETHER_SECONDS = 0.005


class Calls:
    """Messages that are marked `sending` until `results` has given back what became of them.

    `most` of them at a time. To be used with `with`: its end waits for the threads and closes their connections.
    """

    def __init__(self, most: int, account: str = "default") -> None:
        self._most = most
        self._mailer = Mailer(account)
        self._pool = ThreadPoolExecutor(most, thread_name_prefix="triggers-send")
        self._under_way: dict[Future[Outcome], tuple[Claimed, Admission]] = {}
        self._done: SimpleQueue[Future[Outcome]] = SimpleQueue()

    def __enter__(self) -> Calls:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()
        self._mailer.close()

    def __len__(self) -> int:
        return len(self._under_way)

    @property
    def room(self) -> int:
        """How many more may be begun."""
        return self._most - len(self._under_way)

    @property
    def has_room(self) -> bool:
        """Whether it is worth looking for more: a claim costs about as much for one message as for half a hand."""
        return self.room * 2 >= self._most

    def begin(self, ready: Iterable[Claimed], admission: Admission) -> None:
        for one in ready:
            future = self._pool.submit(_call(one, self._mailer))
            self._under_way[future] = one, admission
            future.add_done_callback(self._done.put)

    def results(self) -> list[Result]:
        """What has come back by now; waits for one if none has, and then a moment for those that come with it."""
        done = [self._done.get()]
        ends = time.monotonic() + TOGETHER_SECONDS
        with suppress(Empty):
            while len(done) < len(self._under_way):
                done.append(self._done.get(timeout=max(0.0, ends - time.monotonic())))
        begun = [(future.result(), *self._under_way.pop(future)) for future in done]
        return [(one, outcome, admission) for outcome, one, admission in begun]


def _call(one: Claimed, mailer: Mailer) -> Callable[[], Outcome]:
    """The provider call for a thread of the pool, which leaves no database connection behind."""

    def call() -> Outcome:
        crash_point("send.before_call")
        try:
            outcome = (
                mailer.send(payload) if isinstance(payload, Letter) else send_text(payload, mailer.account)
            )
            crash_point("send.after_call")
            return outcome
        except Exception as error:
            # A backend of the host's that broke over an error: the neighbours' results must not go with it.
            return in_doubt(error)
        finally:
            # A backend of the host's may have used the database: this thread's connection would outlive the run.
            connections.close_all()

    payload = one.payload
    return call
