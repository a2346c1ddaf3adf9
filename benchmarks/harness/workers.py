"""Worker processes that live as long as the benchmark and start each run at the same moment."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

# A task is a function of a module, so that it can be named to another process. It returns how much it did.
Task = Callable[..., int]


@dataclass(frozen=True, slots=True)
class Run:
    """What the workers did together, from the start of the first to the end of the last."""

    done: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.done / self.seconds


class Crew:
    """Processes with Django and a database connection each."""

    def __init__(self, pipes: list[Connection]) -> None:
        self._pipes = pipes

    def run(self, workers: int, task: Task, *args: Any) -> Run:
        """Let the first `workers` of the crew do the task, each in its own process, started together."""
        chosen = self._pipes[:workers]
        for pipe in chosen:
            pipe.send((task, args))
        answers = [pipe.recv() for pipe in chosen]
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        begun, ended, done = zip(*answers, strict=True)
        return Run(sum(done), max(ended) - min(begun))


@contextmanager
def crew(size: int) -> Iterator[Crew]:
    """A crew of `size` processes, ended with the block."""
    context = multiprocessing.get_context("spawn")
    started: list[tuple[BaseProcess, Connection]] = []
    try:
        for _number in range(size):
            ours, theirs = context.Pipe()
            process: BaseProcess = context.Process(target=_work, args=(theirs,), daemon=True)
            process.start()
            theirs.close()
            started.append((process, ours))
        for _process, pipe in started:
            pipe.recv()
        yield Crew([pipe for _process, pipe in started])
    finally:
        for process, pipe in started:
            pipe.close()
            process.join(10)


def _work(pipe: Connection) -> None:
    from benchmarks.harness.database import start_django

    start_django()
    from django.db import connection

    connection.ensure_connection()
    pipe.send("ready")
    while True:
        try:
            task, args = pipe.recv()
        except EOFError:
            return
        begun = time.monotonic()
        try:
            done = task(*args)
        except Exception as error:
            pipe.send(RuntimeError(f"{task.__name__} failed in a worker: {error!r}"))
        else:
            pipe.send((begun, time.monotonic(), done))
