"""Promises of steps that workers died of, over a real database and a real Redis."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from landfall.database import accounts, admission, ledger, reading
from landfall.database.clock import read_clock
from landfall.database.sqlite import SqliteDatabase
from landfall.exports.job import ExportJob
from landfall.exports.policy import Policy
from landfall.exports.states import State
from landfall.exports.throttle import AccountLimits
from landfall.net.carrier import Carrier
from landfall.storage.disk import DiskStore
from landfall.transport.embedded import EmbeddedRedis
from landfall.vendors.vendor import Link, ReportStatus, Started
from tests.asynchronous import run
from tests.database.databases import migrated
from tests.exports.jobs import make_job
from tests.worker.fetching import account
from worker import queue
from worker.leases import Leases
from worker.line import Line
from worker.queue import Message, StepQueue
from worker.runner import Runner
from worker.shelf import Shelf
from worker.transfer.fetch import Transfer

SHOP = "shop-bwp"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    embedded = EmbeddedRedis(tmp_path_factory.mktemp("suspects"))
    embedded.ensure()
    yield embedded.url
    embedded.stop()


class SlowVendor:
    """Is asked for a report, and answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.called = asyncio.Event()
        self.answers = asyncio.Event()

    async def prepare(self) -> None:
        pass

    async def start(self, job: ExportJob) -> Started:
        self.asked.append(job.id)
        self.called.set()
        await self.answers.wait()
        return Started(report_id="r")

    async def report_status(self, job: ExportJob) -> ReportStatus:
        raise AssertionError(job.id)

    async def download_link(self, job: ExportJob) -> Link:
        raise AssertionError(job.id)

    async def aclose(self) -> None:
        pass


def _accepted(connection: Connection) -> list[ExportJob]:
    """Two starts that have one life left."""
    accounts.register(connection, {SHOP: AccountLimits("buy_with_prime", 2)})
    now = read_clock(connection)
    ledger.accept(connection, [make_job(id=name, created_at=now, crashes=2) for name in ("exp_1", "exp_2")])
    return admission.admit_next(connection, SHOP)


def _told(connection: Connection) -> tuple[ExportJob | None, list[str]]:
    return ledger.find(connection, "exp_2"), [event.kind for event in reading.timeline(connection, "exp_2")]


def _message(job: ExportJob) -> Message:
    message = Message.of(job, 0.0)
    assert message
    return message


def test_a_suspect_start_waits_in_its_slot_while_another_suspect_runs(tmp_path: Path, server: str) -> None:
    async def scenario() -> None:
        redis, vendor = queue.connect(server), SlowVendor()
        shelf = Shelf(DiskStore(tmp_path / "files"), "{account}/{export_id}.csv", 0, tmp_path)
        path = migrated(tmp_path / "landfall.db")
        async with SqliteDatabase(f"sqlite:///{path}", durable=False) as database, Carrier() as carrier:
            line = Line(vendor, Transfer(account(), carrier, carrier), Policy(), shelf)
            runner = Runner(database, StepQueue(redis), Leases(database, timedelta(seconds=60)), {SHOP: line})
            first, second = await database.write(_accepted)
            running = asyncio.create_task(runner.run(_message(first)))
            await vendor.called.wait()
            await runner.run(_message(second))
            job, kinds = await database.read(_told)
            vendor.answers.set()
            await running
        await redis.aclose()
        assert job
        assert (job.state, job.crashes, job.error and job.error.code) == (State.STARTING, 2, "suspect_waits")
        assert kinds == ["accept", "admit", "wait"]
        assert vendor.asked == ["exp_1"]

    run(scenario())
