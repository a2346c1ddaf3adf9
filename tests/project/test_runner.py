"""The runner counts what pytest reports and says plainly what it could not use."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runner import (
    PHASES,
    Counts,
    Options,
    Report,
    conclude,
    environment,
    parse,
    pytest_command,
    read_report,
)
from tests.services import FINDERS, Service, find, login, main, without_password

NOWHERE = {
    "TRIGGERS_TEST_POSTGRES_URL": "postgres://nobody:secret@127.0.0.1:9/",
    "TRIGGERS_TEST_REDIS_URL": "redis://127.0.0.1:9/",
    "TRIGGERS_TEST_RABBITMQ_URL": "amqp://guest:secret@127.0.0.1:9//",
    "CHROMIUM": "no-such-browser",
}
RESULTS = """<testsuites><testsuite>
  <testcase name="a"><properties><property name="service" value="redis"/></properties></testcase>
  <testcase name="b"><failure message="no"/></testcase>
  <testcase name="c"><error message="no"/></testcase>
  <testcase name="d"><skipped message="no"/><properties><property name="service" value="rabbitmq"/></properties></testcase>
</testsuite></testsuites>"""


def every_service() -> dict[str, Service]:
    return {key: Service(key, name, f"{key}://somewhere/", "1.0") for key, (name, _) in FINDERS.items()}


def test_counts_come_from_the_report(tmp_path: Path) -> None:
    results = tmp_path / "results.xml"
    results.write_text(RESULTS)
    report = read_report(results, code=1)
    assert report.counts == Counts(passed=1, failed=2, skipped=1)
    assert report.services == {"redis"}, "a skipped test has used nothing"


@pytest.mark.parametrize("code", [1, 2, 3, -9])
def test_a_pytest_that_died_is_a_failure(tmp_path: Path, code: int) -> None:
    assert read_report(tmp_path / "missing.xml", code).counts == Counts(failed=1)


def test_a_phase_without_tests_is_not_a_failure(tmp_path: Path) -> None:
    assert read_report(tmp_path / "missing.xml", code=5) == Report()


def test_the_last_line_is_the_sum(capsys: pytest.CaptureFixture[str]) -> None:
    reports = {
        "sqlite": Report(Counts(5, 0, 1), frozenset({"sqlite"})),
        "postgres": Report(Counts(3, 0, 0), frozenset({"postgres"})),
    }
    services = every_service() | {"mariadb": Service("mariadb", "MariaDB", problem="not reachable at there")}
    assert conclude(Options(), services, reports) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "8 passed, 0 failed, 1 skipped"
    assert lines[-2].startswith("left out: MariaDB (not reachable at there); Redis (reachable, but no test")
    assert lines[-3] == "used: SQLite 1.0 at sqlite://somewhere/; PostgreSQL 1.0 at postgres://somewhere/"


@pytest.mark.parametrize(
    ("options", "reports", "status"),
    [
        (Options(), {"sqlite": Report(Counts(1), frozenset({"sqlite"}))}, 0),
        (Options(), {"sqlite": Report(Counts(1, 1), frozenset({"sqlite"}))}, 1),
        (Options(), {"sqlite": Report()}, 1),
        (Options(require_all=True), {"sqlite": Report(Counts(1), frozenset({"sqlite"}))}, 1),
        (Options(require_all=True), {"sqlite": Report(Counts(1), frozenset(FINDERS))}, 0),
        (Options(only=("mariadb",)), {}, 1),
    ],
    ids=["passed", "failed", "nothing ran", "something left out", "everything used", "asked for and missing"],
)
def test_the_exit_status(options: Options, reports: dict[str, Report], status: int) -> None:
    assert conclude(options, every_service(), reports) == status


def test_markers_of_the_caller_join_the_phase(tmp_path: Path) -> None:
    options = parse(["--only", "postgres", "--", "-k", "wait", "-m", "not slow"])
    command = pytest_command(PHASES[1], options, tmp_path / "results.xml")
    assert options.only == ("postgres",)
    assert command[command.index("pytest") + 2] == f"({PHASES[1].markers}) and (not slow)"
    assert command[-2:] == ["-k", "wait"]


def test_everything_can_be_required_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIGGERS_REQUIRE_ALL", "1")
    assert parse([]).require_all
    monkeypatch.setenv("TRIGGERS_REQUIRE_ALL", "0")
    assert not parse([]).require_all


def test_pytest_is_told_where_servers_were_found(tmp_path: Path) -> None:
    environ = environment(PHASES[2], every_service(), tmp_path)
    assert environ["TRIGGERS_TEST_DB"] == "mariadb"
    assert environ["TRIGGERS_TEST_MARIADB_URL"] == "mariadb://somewhere/"
    assert environ["TRIGGERS_TEST_DIR"] == str(tmp_path)


@pytest.mark.parametrize("key", ["postgres", "redis", "rabbitmq", "chromium"])
def test_a_missing_service_says_where_it_was_looked_for(key: str) -> None:
    service = find(key, NOWHERE)
    assert not service.is_usable
    assert "\n" not in service.problem
    assert "secret" not in str(service)
    assert ("127.0.0.1:9" in service.problem) or ("no-such-browser" in service.problem)


def test_a_login_is_read_from_a_url() -> None:
    url = "mysql://a%40b:p%2Fw@localhost/?unix_socket=/run/x.sock"
    assert login(url) == {"host": "localhost", "user": "a@b", "password": "p/w", "unix_socket": "/run/x.sock"}
    assert without_password("amqp://guest:guest@host:5672//") == "amqp://guest:***@host:5672//"


def test_an_unknown_service_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["oracle"]) == 2
    assert "oracle" in capsys.readouterr().err
