"""Promises that those who keep leases and those who take lapsed ones do not wait for each other in a ring on Postgres."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import asyncpg
from sqlalchemy import Connection

from landfall.database import accounts, ledger
from landfall.database.clock import read_clock
from landfall.database.ledger import Lease
from landfall.database.postgres import PostgresDatabase
from landfall.exports.states import State
from landfall.transport.embedded import EmbeddedRedis
from tests.asynchronous import run
from tests.database.databases import LIMITS
from tests.exports.jobs import make_job
from worker import queue
from worker.duty import Duty
from worker.leases import Leases
from worker.queue import StepQueue
from worker.sweeper import Sweeper

T = TypeVar("T")
LEASE = timedelta(seconds=30)
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


class CountingDatabase(PostgresDatabase):
    """Counts how often a transaction was begun: one that is undone for another's sake begins again."""

    begun = 0

    async def write(self, work: Callable[[Connection], T]) -> T:
        def counted(connection: Connection) -> T:
            self.begun += 1
            return work(connection)

        return await super().write(counted)


def test_a_rescue_and_a_renewal_of_the_same_leases_undo_nobody_s_work(tmp_path: Path, postgres_url: str) -> None:
    embedded = EmbeddedRedis(tmp_path)
    embedded.ensure()

    async def scenario() -> None:
        redis = queue.connect(embedded.url)
        async with CountingDatabase(postgres_url, pool_size=3) as database:
            await database.write(lambda connection: accounts.register(connection, LIMITS))
            now = await database.glance(read_clock)
            # The one that is overdue for longest has the highest id.
            jobs = [
                make_job(id=f"exp_{number}", state=State.READY, leased=True, due_at=now - timedelta(days=number))
                for number in range(1, 5)
            ]
            await database.write(lambda connection: ledger.accept(connection, jobs))
            sweeper = Sweeper(database, StepQueue(redis), Leases(database, LEASE), {}, Duty(database, 3600.0))
            held = [Lease(job.id, job.version, leased=True) for job in jobs]
            database.begun = 0
            other = await asyncpg.connect(postgres_url)
            # A transaction would go on to see the sessions of its first look alone.
            watching = await asyncpg.connect(postgres_url)
            async with other.transaction():
                await other.execute("SELECT * FROM exports WHERE id = 'exp_1' FOR UPDATE")
                # The renewal stands before the rescue in the line for the first row.
                renewing = asyncio.create_task(database.write(partial(ledger.renew, held=held, length=LEASE)))
                await _until_waiting(watching, 1)
                sweeping = asyncio.create_task(sweeper.sweep())
                await _until_waiting(watching, 2)
            await asyncio.gather(renewing, sweeping)
            assert database.begun == 2
            await watching.close()
            await other.close()
        await redis.aclose()

    try:
        run(scenario())
    finally:
        embedded.stop()


async def _until_waiting(connection: "asyncpg.Connection[asyncpg.Record]", count: int) -> None:
    while await connection.fetchval(_WAITING) < count:  # noqa: ASYNC110 - another session's state makes no event
        await asyncio.sleep(0.01)
