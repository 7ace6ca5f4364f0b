"""Promises of a runner whose task is cancelled in the middle of a transaction, over a real database and a real Redis."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from landfall.database import accounts, admission, ledger, orphans
from landfall.database.clock import read_clock
from landfall.database.sqlite import SqliteDatabase
from landfall.exports.job import ExportJob
from landfall.exports.outcomes import Advanced
from landfall.exports.policy import Policy
from landfall.exports.settling import settle
from landfall.exports.states import State, Step
from landfall.exports.throttle import AccountLimits
from landfall.net.carrier import Carrier
from landfall.storage.disk import DiskStore
from landfall.transport.embedded import EmbeddedRedis
from landfall.vendors.vendor import Finished, Link, ReportStatus, Started
from tests.asynchronous import run
from tests.database.databases import migrated
from tests.exports.jobs import make_job
from tests.worker.fetching import account
from worker import queue
from worker.leases import Leases
from worker.line import Line
from worker.queue import Message, Standing, StepQueue
from worker.runner import Runner
from worker.shelf import Shelf
from worker.transfer.fetch import Transfer

SHOP = "shop-bwp"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    embedded = EmbeddedRedis(tmp_path_factory.mktemp("runner"))
    embedded.ensure()
    yield embedded.url
    embedded.stop()


class LockingVendor:
    """Has every report finished, and the database locked by somebody else when it says so."""

    def __init__(self, blocker: sqlite3.Connection) -> None:
        self.started: list[str] = []
        self.called = asyncio.Event()
        self._blocker = blocker

    async def prepare(self) -> None:
        if self.started or self.called.is_set():
            return
        self._lock()

    async def start(self, job: ExportJob) -> Started:
        self.started.append(job.id)
        return Started(report_id="r-new")

    async def report_status(self, job: ExportJob) -> ReportStatus:
        assert job.report_id
        self._lock()
        return Finished()

    async def download_link(self, job: ExportJob) -> Link:
        raise AssertionError(job.id)

    async def aclose(self) -> None:
        pass

    def _lock(self) -> None:
        self._blocker.execute("BEGIN IMMEDIATE")
        self.called.set()


@dataclass
class Bench:
    """A runner of one account with one slot."""

    database: SqliteDatabase
    steps: StepQueue
    runner: Runner
    vendor: LockingVendor
    blocker: sqlite3.Connection

    async def cancelled_in_its_transaction(self, message: Message) -> None:
        task = asyncio.create_task(self.runner.run(message))
        await self.vendor.called.wait()
        task.cancel()
        await asyncio.sleep(0)
        self.blocker.execute("COMMIT")
        await asyncio.wait({task})
        assert task.cancelled()

    async def job(self, name: str) -> ExportJob:
        found = await self.database.read(lambda connection: ledger.find(connection, name))
        assert found
        return found


@asynccontextmanager
async def bench(folder: Path, url: str) -> AsyncIterator[Bench]:
    path = migrated(folder / "landfall.db")
    redis = queue.connect(url)
    await redis.flushall()
    shelf = Shelf(DiskStore(folder / "files"), "{account}/{export_id}.csv", 0, folder)
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as blocker:
        vendor = LockingVendor(blocker)
        async with SqliteDatabase(f"sqlite:///{path}", durable=False) as database, Carrier() as carrier:
            limits = {SHOP: AccountLimits("buy_with_prime", 1)}
            await database.write(lambda connection: accounts.register(connection, limits))
            line = Line(vendor, Transfer(account(), carrier, carrier), Policy(), shelf)
            steps = StepQueue(redis)
            runner = Runner(database, steps, Leases(database, timedelta(seconds=60)), {SHOP: line})
            yield Bench(database, steps, runner, vendor, blocker)
    await redis.aclose()


def _admitted(connection: Connection, *names: str) -> None:
    now = read_clock(connection)
    ledger.accept(connection, [make_job(id=name, created_at=now) for name in names])
    assert [job.id for job in admission.admit_next(connection, SHOP)] == [names[0]]


def _exporting(connection: Connection, name: str) -> None:
    job, now = ledger.find(connection, name), read_clock(connection)
    assert job
    exporting = settle(job, Advanced(State.EXPORTING, "r-old"), now=now, draw=0.5, policy=Policy())
    assert ledger.save(connection, job, exporting, at=now)


def test_a_worker_that_is_stopped_in_a_settlement_begins_no_start_in_the_freed_slot(
    tmp_path: Path, server: str
) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, server) as given:
            await given.database.write(lambda connection: _admitted(connection, "exp_1", "exp_2"))
            await given.database.write(lambda connection: _exporting(connection, "exp_1"))
            job = await given.job("exp_1")
            await given.cancelled_in_its_transaction(Message(Step.POLL, SHOP, job.id, job.version))
            assert (await given.job("exp_1")).state is State.READY
            after = await given.job("exp_2")
            assert after.state is State.STARTING
            assert given.vendor.started == []
            sent = [f"{each.id}:{each.version}" for each in (after, await given.job("exp_1"))]
            assert set((await given.steps.standings(sent)).values()) == {Standing.WAITING}

    run(scenario())


def test_a_report_is_not_lost_when_its_adopter_is_stopped_in_the_claim(tmp_path: Path, server: str) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, server) as given:
            await given.database.write(lambda connection: _admitted(connection, "exp_1"))
            job = await given.job("exp_1")
            hold = timedelta(hours=1)
            await given.database.write(
                lambda connection: orphans.record(
                    connection, replace(job, version=1), "r-orphan", now=read_clock(connection), hold=hold
                )
            )
            await given.cancelled_in_its_transaction(Message(Step.START, SHOP, job.id, job.version))
            after = await given.job("exp_1")
            assert (after.state, after.report_id) == (State.EXPORTING, "r-orphan")
            assert given.vendor.started == []

    run(scenario())
