"""Promises of the orphanage beside others that decide on its account, over a real Postgres."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import Connection

from landfall.database import accounts, ledger, orphans
from landfall.database.clock import read_clock
from landfall.database.postgres import PostgresDatabase
from landfall.exports.job import ExportJob
from landfall.exports.policy import Policy
from landfall.exports.states import State
from landfall.net.carrier import Carrier
from landfall.storage.disk import DiskStore
from landfall.vendors.vendor import Finished, Link, ReportStatus, Started
from tests.asynchronous import run
from tests.database.databases import LIMITS
from tests.exports.jobs import make_job
from tests.worker.fetching import account
from worker.duty import Duty
from worker.line import Line
from worker.orphanage import Orphanage
from worker.shelf import Shelf
from worker.transfer.fetch import Transfer

_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
JOB = make_job(state=State.CANCELLED)


class FinishedVendor:
    """Has built every report, and lets a session take the account's lock before it says so."""

    def __init__(self, session: "asyncpg.Connection[Any]") -> None:
        self._session = session

    async def prepare(self) -> None:
        pass

    async def start(self, job: ExportJob) -> Started:
        raise AssertionError(job.id)

    async def report_status(self, job: ExportJob) -> ReportStatus:
        await self._session.execute("SELECT * FROM accounts WHERE name = $1 FOR UPDATE", job.account)
        return Finished()

    async def download_link(self, job: ExportJob) -> Link:
        raise AssertionError(job.id)

    async def aclose(self) -> None:
        pass


def _left_behind(connection: Connection) -> None:
    accounts.register(connection, LIMITS)
    now = read_clock(connection)
    ledger.accept(connection, [JOB])
    orphans.record(connection, JOB, "r-orphan", now=now, hold=timedelta(hours=1))


def test_an_orphan_that_has_ended_is_free_for_a_start_that_holds_the_account(tmp_path: Path, postgres_url: str) -> None:
    """A start adopts it under the account's lock: were it held without that lock, the two would wait for each other."""

    async def send(_jobs: list[ExportJob]) -> None:
        pass

    async def scenario() -> None:
        session, watching = await asyncpg.connect(postgres_url), await asyncpg.connect(postgres_url)
        shelf = Shelf(DiskStore(tmp_path / "files"), "{account}/{export_id}.csv", 0, tmp_path)
        async with PostgresDatabase(postgres_url, pool_size=2) as database, Carrier() as carrier:
            await database.write(_left_behind)
            line = Line(FinishedVendor(session), Transfer(account(), carrier, carrier), Policy(), shelf)
            orphanage = Orphanage(database, {JOB.account: line}, send, Duty(database, 3600.0))
            async with session.transaction():
                polling = asyncio.create_task(orphanage.poll_forever())
                while not await watching.fetchval(_WAITING):  # noqa: ASYNC110 - another session's state makes no event
                    await asyncio.sleep(0.01)
                await session.execute("SELECT * FROM orphans FOR UPDATE NOWAIT")
            while not await session.fetchval("SELECT count(*) FROM orphans WHERE ended_at IS NOT NULL AND built"):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
            polling.cancel()
            with suppress(asyncio.CancelledError):
                await polling
        await session.close()
        await watching.close()

    run(scenario())
