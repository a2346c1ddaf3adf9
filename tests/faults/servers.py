"""Servers of our own, which may be restarted, emptied and killed without anybody else's loss."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import kombu
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

    def empty(self) -> None:
        self.client.flushall()

    def fill(self) -> None:
        """Out of memory, and not allowed to forget anything."""
        self.client.config_set("maxmemory-policy", "noeviction")
        self.client.config_set("maxmemory", 1)

    def make_room(self) -> None:
        self.client.config_set("maxmemory", 0)

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


class OwnRabbit:
    """A RabbitMQ node in a folder of its own; what is durable outlives `kill` and `start`. As root it runs as `rabbitmq`."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        self.process: subprocess.Popen[bytes] | None = None
        self._user = "rabbitmq" if os.getuid() == 0 else None
        self._folder = folder / "rabbit"
        self._folder.mkdir()
        folder.chmod(0o755)
        if self._user:
            shutil.chown(self._folder, self._user)
        (self._folder / "own.conf").write_text(f"listeners.tcp.1 = 127.0.0.1:{self.port}\n")
        self._environment = os.environ | {
            "HOME": str(self._folder),
            "RABBITMQ_NODENAME": f"faults{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self._folder / "log"),
            "RABBITMQ_PID_FILE": str(self._folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "plugins"),
            # Instead of the machine's own.
            "RABBITMQ_CONFIG_FILE": str(self._folder / "own.conf"),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
        }

    def start(self) -> None:
        self.process = self._begin("rabbitmq-server", stdout=subprocess.DEVNULL)
        wait_for(self._answers, "RabbitMQ does not start", 120)

    def empty(self) -> None:
        """Every queue of bells; those by which workers talk to each other are theirs alone."""
        with kombu.Connection(self.url) as connection:
            for queue in self._control("-q", "list_queues", "name", "--no-table-headers").split():
                if queue.startswith("triggers"):
                    connection.default_channel.queue_purge(queue)

    def fill(self) -> None:
        """Out of memory: whoever publishes is left standing."""
        self._control("set_vm_memory_high_watermark", "absolute", "1")

    def make_room(self) -> None:
        self._control("set_vm_memory_high_watermark", "0.6")

    def freeze(self) -> None:
        """Connections stay open and nobody answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        if self.process:
            self.process.wait()

    def close(self) -> None:
        self.kill()

    def _signal(self, number: int) -> None:
        if self.process:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)

    def _answers(self) -> bool:
        with suppress(OSError), kombu.Connection(self.url, connect_timeout=2) as connection:
            connection.connect()
            return True
        return False

    def _control(self, *command: str) -> str:
        process = self._begin("rabbitmqctl", *command, stdout=subprocess.PIPE)
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0, said.decode()
        return said.decode()

    def _begin(self, program: str, *command: str, stdout: int) -> subprocess.Popen[bytes]:
        # Debian's wrapper in /usr/sbin insists on changing the user itself.
        path = shutil.which(program, path="/usr/lib/rabbitmq/bin") or program
        return subprocess.Popen(
            [path, *command],
            user=self._user,
            cwd=self._folder,
            env=self._environment,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


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
