"""Servers of our own, which may be restarted, emptied and killed without anybody else's loss."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import psycopg
import redis

from tests.processes import wait_for


def free_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class OwnRedis:
    """A Redis server that forgets everything when it ends, unless it `appends` what it does to a file in its folder."""

    def __init__(self, folder: Path, *, appends: bool = False) -> None:
        self.folder, self.port, self.appends = folder, free_port(), appends
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = redis.Redis(port=self.port)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder)]
        options += ["--appendonly", "yes" if self.appends else "no"]
        self.process = subprocess.Popen(["redis-server", *options], stdout=subprocess.DEVNULL)
        wait_for(self._answers, "Redis does not start")

    def freeze(self) -> None:
        """Connections stay open and nobody answers."""
        assert self.process
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def close(self) -> None:
        self.kill()
        self.client.close()

    def _answers(self) -> bool:
        with suppress(redis.ConnectionError):
            return bool(self.client.ping())
        return False


class OwnPostgres:
    """A PostgreSQL cluster in a folder, its write-ahead log elsewhere if wanted. As root it runs as the user `postgres`,
    because the server refuses root.
    """

    def __init__(self, folder: Path, *, log: Path | None = None) -> None:
        self.port = free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/"
        self._user = "postgres" if os.getuid() == 0 else None
        self._folder = folder / "postgres"
        self.give(self._folder)
        # It must be able to get there.
        folder.chmod(0o755)
        if log:
            self.give(log)
        self._run(
            "initdb",
            "-D",
            str(self._folder),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            *(("--waldir", str(log), "--wal-segsize", "1") if log else ()),
        )

    def give(self, folder: Path) -> None:
        """Make a folder that is the server's."""
        folder.mkdir(mode=0o700)
        if self._user:
            shutil.chown(folder, self._user)

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='{self._folder}'"
        log = str(self._folder / "server.log")
        self._run("pg_ctl", "start", "-w", "-D", str(self._folder), "-l", log, "-o", options)

    def is_running(self) -> bool:
        with suppress(subprocess.CalledProcessError):
            self._run("pg_ctl", "status", "-D", str(self._folder))
            return True
        return False

    def crash(self) -> None:
        """As a power cut: no checkpoint, recovery from the log at the next start."""
        self._run("pg_ctl", "stop", "-m", "immediate", "-D", str(self._folder))

    def close(self) -> None:
        with suppress(subprocess.CalledProcessError):
            self.crash()

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname=database, autocommit=True
        )

    def _run(self, *command: str) -> None:
        subprocess.run(
            command,
            user=self._user,
            cwd=self._folder,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
