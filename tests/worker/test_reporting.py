"""Promises of a worker's reports, over a real database."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from landfall import __version__
from landfall.database import workers
from landfall.database.sqlite import SqliteDatabase
from landfall.database.workers import Standing
from tests.asynchronous import run
from tests.database.databases import migrated
from tests.exposed import Exposed
from worker.duty import Duty
from worker.leases import Leases
from worker.metrics import Metrics
from worker.reporting import Reporting


class Bench:
    """One worker's reporting over a database of the test's own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = SqliteDatabase(f"sqlite:///{path}", durable=False)
        self.duty = Duty(self.database, 1.0)
        self.leases = Leases(self.database, timedelta(seconds=30))
        self.metrics = Metrics()
        self.reporting = Reporting(self.database, self.duty, self.leases, self.metrics)

    async def found(self) -> list[Standing]:
        return list(await self.database.read(workers.standings))

    async def until_reported(self) -> Standing:
        while not (found := await self.found()):  # noqa: ASYNC110 - a row makes no event
            await asyncio.sleep(0.01)
        return found[0]

    @contextmanager
    def old(self, *ids: str) -> Iterator[None]:
        """Rows of workers that were last heard of in another year."""
        moment = "2020-01-01 00:00:00.000000"
        with closing(sqlite3.connect(self.path)) as database, database:
            rows = [(id_, "1", moment, moment, 0, "") for id_ in ids]
            database.executemany("INSERT INTO workers VALUES (?, ?, ?, ?, ?, ?)", rows)
        yield

    def ids(self) -> set[str]:
        with closing(sqlite3.connect(self.path)) as database:
            return {str(row[0]) for row in database.execute("SELECT id FROM workers")}


@asynccontextmanager
async def bench(folder: Path) -> AsyncIterator[Bench]:
    bench = Bench(migrated(folder / "landfall.db"))
    async with bench.database:
        yield bench


@asynccontextmanager
async def running(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def test_a_worker_reports_at_once_what_it_runs_and_counts(tmp_path: Path) -> None:
    async def report() -> Standing:
        async with bench(tmp_path) as one:
            one.metrics.webhook_answered("delivered")
            with one.leases.held("exp_1", 1, leased=True):
                async with running(one.reporting.report_forever()):
                    return await one.until_reported()

    found = run(report())
    assert found.id.split(":")[1] == str(os.getpid())
    assert (found.version, found.running, found.alive) == (__version__, 1, True)
    assert Exposed(found.metrics).one("landfall_webhook_deliveries_total", result="delivered") == 1


def test_a_worker_that_ends_leaves_no_row(tmp_path: Path) -> None:
    async def report() -> list[Standing]:
        async with bench(tmp_path) as one:
            async with running(one.reporting.report_forever()):
                await one.until_reported()
            await one.reporting.leave()
            return await one.found()

    assert run(report()) == []


def test_a_worker_whose_database_is_away_reports_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.reporting._TICK_SECONDS", 0.02)

    async def report() -> None:
        one = Bench(tmp_path / "away" / "landfall.db")
        async with one.database, running(one.reporting.report_forever()):
            while one.reporting._heard:  # noqa: ASYNC110 - only a look tells
                await asyncio.sleep(0.01)
            one.path.parent.mkdir()
            migrated(one.path)
            await one.until_reported()

    run(report())


def test_who_has_the_duty_forgets_the_long_silent_and_another_does_not(tmp_path: Path) -> None:
    async def forget() -> None:
        async with bench(tmp_path) as one:
            another = Duty(one.database, 1000.0)
            assert await another.is_ours()
            with one.old("silent"):
                async with running(one.reporting.forget_forever(), one.reporting.report_forever()):
                    await one.until_reported()
                assert "silent" in one.ids()
                await another.let_go()
                async with running(one.reporting.forget_forever()):
                    while "silent" in one.ids():  # noqa: ASYNC110 - a row makes no event
                        await asyncio.sleep(0.01)

    run(forget())
