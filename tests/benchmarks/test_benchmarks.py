"""Every benchmark runs and answers in the agreed form; figures are not judged here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import psycopg
import pytest

from benchmarks.__main__ import NAMES
from benchmarks.harness.result import Plan, Result, percentile
from tests.project.files import ROOT
from tests.services import login, service_url

KEYS = {"name", "figure", "unit", "conditions", "rivals", "ratios", "aims", "ok"}
# What must stand in the conditions beside the machine's and the server's.
OWN_CONDITIONS = {
    "turn": {"workers", "waiting", "due", "batch", "one_worker", "bytes_written_per_journey"},
    "statements": {"by_journeys"},
    "inflight": {"due", "waiting", "seconds_by_waiting", "slower_by_waiting"},
    "longtx": {"steps", "by_shape", "worse"},
    "capture": {"statements_added", "call_itself", "with_broker_down"},
    "render": {"template_alone", "letters"},
    "deliver": {"letters", "at_50_ms", "ours_two_senders", "calls_at_a_time", "bytes_per_letter", "left_out"},
    "latency": {"idle", "loaded", "capacity_letters_per_second", "engine"},
    "ingest": {"events", "chains", "workers", "parts", "megabytes_per_worker", "growth"},
    "ingest_api": {"batches", "connections", "gunicorn_workers", "runs"},
    "memory": {"steps", "at_start", "every_tenth"},
    "fanout": {"contacts", "workers", "zones", "seconds", "megabytes_per_worker", "growth"},
}
on_postgres = [pytest.mark.only_on("postgres"), pytest.mark.database]


def run(*arguments: str) -> tuple[str, int]:
    """What it printed, and the id its process had."""
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    command = [sys.executable, "-m", "benchmarks", *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        printed, complaints = process.communicate(timeout=120)
    assert process.returncode == 0, complaints
    return printed, process.pid


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("turn", marks=on_postgres),
        pytest.param("statements", marks=on_postgres),
        pytest.param("inflight", marks=on_postgres),
        pytest.param("longtx", marks=on_postgres),
        pytest.param("capture", marks=on_postgres),
        pytest.param("deliver", marks=on_postgres),
        pytest.param("latency", marks=on_postgres),
        pytest.param("ingest", marks=on_postgres),
        pytest.param("ingest_api", marks=on_postgres),
        pytest.param("memory", marks=on_postgres),
        pytest.param("fanout", marks=on_postgres),
        "render",
    ],
)
def test_a_benchmark_answers_with_one_object(name: str) -> None:
    printed, process_id = run(name, "--quick", "--json", "--scale", "0.05")
    result: dict[str, Any] = json.loads(printed)
    assert set(result) == KEYS
    assert result["name"] == name
    assert result["figure"] > 0
    assert isinstance(result["ok"], bool)
    assert set(result["ratios"]) == set(result["rivals"]) >= set(result["aims"])
    conditions = {"machine", "python", "django"} | OWN_CONDITIONS[name]
    if name != "render":
        conditions |= {"postgresql_server_version", "postgresql_fsync", "postgresql_synchronous_commit"}
        assert not is_left_behind(f"triggers_bench_{process_id}")
    assert conditions <= set(result["conditions"])


def is_left_behind(database: str) -> bool:
    with psycopg.connect(**login(service_url("TRIGGERS_TEST_POSTGRES_URL")), dbname="postgres") as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
    return found is not None


def test_without_a_name_it_lists_the_names() -> None:
    printed, _process_id = run()
    assert [line.split()[0] for line in printed.splitlines()] == NAMES
    assert [
        *("capture", "deliver", "fanout", "inflight", "ingest", "ingest_api", "latency", "longtx", "memory"),
        *("render", "segment", "statements", "turn"),
    ] == NAMES


def test_an_aim_that_is_missed_is_said() -> None:
    met = Result("x", 10.0, "rows/s", {}, {"floor": 20.0}, {"floor": 0.5}, {"floor": 0.4})
    missed = Result("x", 10.0, "rows/s", {}, {"floor": 20.0}, {"floor": 0.5}, {"floor": 0.6})
    assert met.as_json()["ok"]
    assert not missed.ok
    assert "AN AIM IS MISSED" in missed.as_text()
    assert "MISSED" not in met.as_text()


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 3), (95, 4), (100, 4)])
def test_percentile(percent: float, value: int) -> None:
    assert percentile([4, 1, 3, 2], percent) == value


def test_a_plan_never_goes_below_the_least() -> None:
    assert Plan(is_quick=True, scale=0.001).pick(10_000, 2_000, least=100) == 100
    assert Plan().pick(10_000, 2_000) == 10_000
