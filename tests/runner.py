"""`python -m tests`: the whole suite on every database that is reachable, and one honest line at the end.

Phases, each a pytest of its own: everything on SQLite; what concerns a database on PostgreSQL and on MariaDB; what
needs a browser; what needs a broker. Counts come from pytest's own reports.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from xml.etree import ElementTree

from tests.services import FINDERS, Service, find_all

ROOT = Path(__file__).resolve().parent.parent
NOTHING_COLLECTED = 5
MOST_PROCESSES = 8


@dataclass(frozen=True, slots=True)
class Phase:
    """One pytest: which tests (a marker expression), on which database, and what must be there to run it."""

    key: str
    title: str
    database: str
    markers: str
    is_parallel: bool = True
    # One of these is enough.
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclass(frozen=True, slots=True)
class Report:
    """What one phase came to; `services` are keys that a test which was not skipped has used."""

    counts: Counts = Counts()
    services: frozenset[str] = frozenset()
    seconds: float = 0.0


@dataclass(slots=True)
class Options:
    only: tuple[str, ...] = ()
    require_all: bool = False
    markers: str = ""
    pytest_args: list[str] = field(default_factory=list)


PHASES = (
    Phase("sqlite", "everything on SQLite", "sqlite", "not browser and not broker"),
    Phase(
        "postgres", "PostgreSQL", "postgres", "database and not browser and not broker", needs=("postgres",)
    ),
    Phase("mariadb", "MariaDB", "mariadb", "database and not browser and not broker", needs=("mariadb",)),
    Phase("browser", "the browser", "sqlite", "browser", is_parallel=False, needs=("chromium",)),
    Phase("broker", "the brokers", "postgres", "broker", is_parallel=False, needs=("redis", "rabbitmq")),
)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(sys.argv[1:] if arguments is None else arguments)
    services = find_all()
    for service in services.values():
        print(f"{'found' if service.is_usable else 'missing'}: {service}", flush=True)
    phases = [adapted(phase, services) for phase in PHASES if not options.only or phase.key in options.only]
    reports = {phase.key: run(phase, services, options) for phase in phases if can_run(phase, services)}
    return conclude(options, services, reports)


def parse(arguments: Sequence[str]) -> Options:
    """What stands after `--` is pytest's, but its `-m` is joined with the phase's own."""
    ours, theirs = list(arguments), []
    if "--" in ours:
        cut = ours.index("--")
        ours, theirs = ours[:cut], ours[cut + 1 :]
    parser = argparse.ArgumentParser(prog="python -m tests", epilog="Arguments after -- go to pytest.")
    parser.add_argument("--only", action="append", choices=[phase.key for phase in PHASES], default=[])
    parser.add_argument(
        "--require-all",
        action="store_true",
        default=os.environ.get("TRIGGERS_REQUIRE_ALL", "") not in ("", "0"),
        help="fail when a database, a broker or the browser is left out (TRIGGERS_REQUIRE_ALL=1 does the same)",
    )
    given = parser.parse_args(ours)
    marker_parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    marker_parser.add_argument("-m", dest="markers", default="")
    marker, rest = marker_parser.parse_known_args(theirs)
    return Options(tuple(given.only), given.require_all, marker.markers, rest)


def adapted(phase: Phase, services: Mapping[str, Service]) -> Phase:
    """Brokers are tried with the database they are used with in earnest, if it is there."""
    return (
        phase
        if services[phase.database].is_usable or phase.key == phase.database
        else replace(phase, database="sqlite")
    )


def can_run(phase: Phase, services: Mapping[str, Service]) -> bool:
    return not phase.needs or any(services[key].is_usable for key in phase.needs)


def run(phase: Phase, services: Mapping[str, Service], options: Options) -> Report:
    print(f"\n=== {phase.title} ===", flush=True)
    scratch = Path(tempfile.mkdtemp(prefix="triggers-tests-"))
    started = time.monotonic()
    try:
        results = scratch / "results.xml"
        command = pytest_command(phase, options, results)
        code = subprocess.run(command, cwd=ROOT, env=environment(phase, services, scratch)).returncode
        report = read_report(results, code)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if report.counts.passed:
        report = replace(report, services=report.services | {phase.database})
    return replace(report, seconds=time.monotonic() - started)


def pytest_command(phase: Phase, options: Options, results: Path) -> list[str]:
    markers = f"({phase.markers}) and ({options.markers})" if options.markers else phase.markers
    parallel = ["-n", "auto", "--maxprocesses", str(MOST_PROCESSES)] if phase.is_parallel else []
    return [
        sys.executable,
        "-m",
        "pytest",
        "-m",
        markers,
        *parallel,
        f"--junitxml={results}",
        *options.pytest_args,
    ]


def environment(phase: Phase, services: Mapping[str, Service], scratch: Path) -> dict[str, str]:
    """The phase's database, and the addresses at which servers were really found."""
    found = {f"TRIGGERS_TEST_{service.key.upper()}_URL": service.address for service in services.values()}
    known = {name: address for name, address in found.items() if address and "://" in address}
    return os.environ | known | {"TRIGGERS_TEST_DB": phase.database, "TRIGGERS_TEST_DIR": str(scratch)}


def read_report(results: Path, code: int) -> Report:
    """Counts of pytest's XML report; a pytest that died, or failed without a failed test, is one failure."""
    if code == NOTHING_COLLECTED:
        return Report()
    counts, services = Counts(), set[str]()
    try:
        cases = list(ElementTree.parse(results).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        cases = []
    for case in cases:
        if case.find("failure") is not None or case.find("error") is not None:
            counts += Counts(failed=1)
        elif case.find("skipped") is not None:
            counts += Counts(skipped=1)
            continue
        else:
            counts += Counts(passed=1)
        services |= {prop.get("value", "") for prop in case.iter("property") if prop.get("name") == "service"}
    if code and not counts.failed:
        print(f"pytest ended with {code} and no failed test: counted as one failure")
        counts += Counts(failed=1)
    return Report(counts, frozenset(services & set(FINDERS)))


def conclude(options: Options, services: Mapping[str, Service], reports: Mapping[str, Report]) -> int:
    """Print the last lines and return the exit status."""
    total = sum((report.counts for report in reports.values()), Counts())
    used = {key for report in reports.values() for key in report.services}
    left_out = [reason for key in FINDERS if key not in used and (reason := left_out_because(services[key]))]
    print()
    for key, report in reports.items():
        print(f"{key}: {report.counts}, in {report.seconds:.0f} s")
    print("used:", "; ".join(str(services[key]) for key in FINDERS if key in used) or "nothing")
    print("left out:", "; ".join(left_out) or "nothing")
    problems = [f"{key} was asked for and cannot be used" for key in options.only if key not in reports]
    if options.require_all and left_out:
        problems.append("every service is required (TRIGGERS_REQUIRE_ALL), and some were left out")
    if not total.passed and not total.failed:
        problems.append("no test ran")
    for problem in problems:
        print(f"failed: {problem}")
    print(total, flush=True)
    return 1 if problems or total.failed else 0


def left_out_because(service: Service) -> str:
    return f"{service.name} (reachable, but no test that ran used it)" if service.is_usable else str(service)
