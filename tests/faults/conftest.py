"""Gives each row of the fault matrix a stack of its own, and prints the figures of all rows in one table."""

import os
import random
import secrets
from collections.abc import Iterator
from pathlib import Path
from string import Template

import pytest

from tests.faults.figures import ROW, Line, table
from tests.faults.row import CALLS, Row, Terms, store_of
from tests.services.postgres import NoPostgresError, Postgres, running_postgres
from tests.stack import run_stack
from tests.story.store_watch import first_sizes
from tests.vendors.sandbox_process import run_sandbox

SEED = "FAULTS_SEED"
DATABASE = "FAULTS_DATABASE"
_lines: dict[str, Line] = {}


def pytest_configure() -> None:
    os.environ.setdefault(SEED, str(secrets.randbelow(10**6)))  # the processes of -n inherit it


def pytest_itemcollected(item: pytest.Item) -> None:
    """Say with each report which row it is of: with -n that is all that comes back of a test."""
    if (terms := Terms.of(item)) is not None:
        item.user_properties.append((ROW, {"row": terms.row, "fault": terms.title, "success": terms.success}))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if any(name == ROW for name, _ in report.user_properties):
        _lines.setdefault(report.nodeid, Line()).take(report)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _lines:
        terminalreporter.section(f"faults, {SEED}={os.environ[SEED]}")
        for line in table(_lines.values()):
            terminalreporter.write_line(line)


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where the row's processes keep their exports; empty is a SQLite file in the row's home.

    A row that is run on both is parametrized: `@pytest.mark.parametrize("database_url", BOTH, indirect=True)`.
    """
    if getattr(request, "param", os.environ.get(DATABASE, "sqlite")) == "sqlite":
        yield ""
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.new_database()
    yield url
    server.drop(url)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A Postgres of a module's own, which may crash and stop it."""
    try:
        with running_postgres() as server:
            yield server
    except NoPostgresError as why:
        pytest.skip(f"Postgres: {why}")


@pytest.fixture
def server_url(server: Postgres) -> Iterator[str]:
    """A database on `server`: what `database_url` is in such a module."""
    url = server.new_database()
    yield url
    server.drop(url)


@pytest.fixture
def redis_url() -> str:
    """The Redis of the row's processes; empty is the embedded one of the row's home. A module may have its own."""
    return ""


@pytest.fixture
def row(request: pytest.FixtureRequest, tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Row]:
    """The row that the test's `faults` mark names: a stack with an API, a sandbox that admits any number of reports."""
    terms = Terms.of(request.node) or pytest.fail("a test of a row is marked with faults(row, fault)")
    marks = tmp_path / "strikes"
    marks.mkdir()
    home = tmp_path / "home"
    urls = {"LANDFALL_DATABASE_URL": database_url, "LANDFALL_REDIS_URL": redis_url}
    settings = {name: url for name, url in urls.items() if url} | dict(terms.settings)
    rng = random.Random(f"{os.environ[SEED]}:{request.node.nodeid}")
    with (
        run_sandbox(
            "--build-mean",
            "0.3",
            "--bytes",
            "50000",
            "--rate-burst",
            "1000",
            "--max-started",
            "1000",
            "--control-log",
            str(tmp_path / CALLS),
            *terms.sandbox,
        ) as sandbox,
        run_stack(home, sandbox, Template(terms.accounts).safe_substitute(vars(sandbox)), settings) as stack,
        first_sizes(store_of(home), every=0.02) as sizes,
    ):
        stack.by_fork = False  # here even the start is to be what it is
        row = Row(terms, stack, marks, rng, sizes)
        if terms.api:
            row.start_api()
        yield row
    request.node.user_properties.append((ROW, row.told()))
