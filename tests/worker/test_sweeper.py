"""Promises of the sweep, over a real database and a real Redis."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from arq.constants import in_progress_key_prefix
from redis.exceptions import RedisError
from sqlalchemy import Connection, delete, select, update

from landfall.database import accounts, admission, ledger
from landfall.database import tables as t
from landfall.database.clock import read_clock
from landfall.database.connection import Database
from landfall.database.postgres import PostgresDatabase
from landfall.database.sqlite import SqliteDatabase
from landfall.exports.job import ExportJob
from landfall.exports.policy import Policy
from landfall.exports.states import State
from landfall.exports.throttle import AccountLimits
from landfall.transport.embedded import EmbeddedRedis
from tests.asynchronous import run
from tests.database.databases import LIMITS, migrated
from tests.exports.jobs import make_job
from worker import queue
from worker.duty import Duty
from worker.leases import Leases
from worker.queue import RUNNING_MS, Message, Redis, Standing, StepQueue
from worker.sweeper import Sweeper

SHOP = "shop-bwp"
LEASE = timedelta(seconds=30)
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
SLOTS = 3 * admission.MOST_AT_ONCE + 7


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    embedded = EmbeddedRedis(tmp_path_factory.mktemp("sweeper"))
    embedded.ensure()
    yield embedded.url
    embedded.stop()


@dataclass
class Bench:
    """Two workers' sweepers; the first one's round comes first, so that the duty is its own."""

    database: Database
    redis: Redis
    steps: StepQueue
    first: Sweeper
    second: Sweeper

    async def write(self, *jobs: ExportJob) -> None:
        await self.database.write(lambda connection: ledger.accept(connection, jobs))

    async def job(self, name: str) -> ExportJob:
        found = await self.database.read(lambda connection: ledger.find(connection, name))
        assert found
        return found

    async def standing(self, job: ExportJob) -> Standing:
        return (await self.steps.standings([_id(job)]))[_id(job)]

    async def say_it_runs(self, job: ExportJob, seconds: float) -> None:
        """As the worker does that took the message so many seconds ago."""
        await self.steps.send([message for message in [Message.of(job, 0.0)] if message])
        await self.redis.set(in_progress_key_prefix + _id(job), "somebody", px=RUNNING_MS - int(seconds * 1000))


@asynccontextmanager
async def bench(folder: Path, url: str) -> AsyncIterator[Bench]:
    redis = queue.connect(url)
    await redis.flushall()
    async with SqliteDatabase(f"sqlite:///{migrated(folder / 'landfall.db')}", durable=False) as database:
        limits = {SHOP: AccountLimits("buy_with_prime", SLOTS)}
        await database.write(lambda connection: accounts.register(connection, limits))
        steps = StepQueue(redis)
        first, second = (
            Sweeper(database, steps, Leases(database, LEASE), {SHOP: Policy()}, Duty(database, 3600.0))
            for _ in range(2)
        )
        await first.round()
        yield Bench(database, redis, steps, first, second)
    await redis.aclose()


def _id(job: ExportJob) -> str:
    return f"{job.id}:{job.version}"


async def overdue(given: Bench, seconds: float, **more: object) -> ExportJob:
    """An export whose poll has been due for so long."""
    now = await given.database.read(read_clock)
    job = make_job(state=State.EXPORTING, report_id="r", due_at=now - timedelta(seconds=seconds), **more)
    await given.write(job)
    return await given.job(job.id)


def test_a_step_that_nobody_runs_is_sent_by_the_worker_whose_duty_it_is(tmp_path: Path, server: str) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, server) as given:
            job = await overdue(given, 60)
            await given.second.round()
            assert await given.standing(job) is Standing.ABSENT
            await given.first.round()
            assert await given.standing(job) is Standing.WAITING

    run(scenario())


def test_a_bell_is_heard_by_every_worker(tmp_path: Path, server: str) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, server) as given:
            await given.second.round()
            job = await overdue(given, 0)
            assert await given.second.sweep(all_overdue=False) == 1
            assert await given.standing(job) is Standing.WAITING

    run(scenario())


def test_a_step_that_waited_long_for_a_worker_is_not_taken_from_the_one_that_runs_it(
    tmp_path: Path, server: str
) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, server) as given:
            job = await overdue(given, 600)
            await given.say_it_runs(job, seconds=1)
            await given.first.round()
            assert await given.job(job.id) == job

    run(scenario())


def test_a_step_whose_worker_was_silent_for_a_lease_is_taken_from_it(tmp_path: Path, server: str) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, server) as given:
            job = await overdue(given, 600)
            await given.say_it_runs(job, seconds=31)
            await given.first.round()
            after = await given.job(job.id)
            assert after.version == job.version + 1
            assert await given.standing(job) is Standing.ABSENT
            assert await given.standing(after) is Standing.WAITING

    run(scenario())


def test_a_step_that_runs_under_a_key_of_nobodys_is_taken(tmp_path: Path, server: str) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, server) as given:
            job = await overdue(given, 600)
            await given.say_it_runs(job, seconds=1)
            await given.redis.persist(in_progress_key_prefix + _id(job))
            await given.first.round()
            assert (await given.job(job.id)).version == job.version + 1

    run(scenario())


def test_a_round_admits_all_that_there_is_room_for_a_few_in_each_transaction(tmp_path: Path, server: str) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, server) as given:
            await given.write(*(make_job(id=f"exp_{number:04}") for number in range(SLOTS + 5)))
            largest = await given.database.write(lambda connection: len(admission.admit_next(connection, SHOP)))
            assert largest == admission.MOST_AT_ONCE
            await given.first.round()
            assert await given.database.read(_count_starting) == SLOTS

    run(scenario())


def test_a_leased_step_is_taken_as_soon_as_its_lease_has_run_out(tmp_path: Path, server: str) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, server) as given:
            job = await overdue(given, 1)
            leased = update(t.exports).where(t.exports.c.id == job.id).values(state=State.READY, leased=True)
            await given.database.write(lambda connection: connection.execute(leased))
            await given.say_it_runs(await given.job(job.id), seconds=1)
            await given.first.round()
            assert (await given.job(job.id)).version == job.version + 1

    run(scenario())


def test_a_rescue_that_waits_for_an_account_holds_no_other(tmp_path: Path, server: str, postgres_url: str) -> None:
    async def scenario() -> None:
        async with bench(tmp_path, server) as given, PostgresDatabase(postgres_url, pool_size=3) as database:
            await database.write(lambda connection: accounts.register(connection, LIMITS))
            now = await database.glance(read_clock)
            free, held = (
                make_job(
                    id=f"exp_{name}", account=name, state=State.READY, leased=True, due_at=now - timedelta(days=days)
                )
                for name, days in (("shop-ab", 2), ("shop-bwp", 1))
            )
            await database.write(lambda connection: ledger.accept(connection, [free, held]))
            sweeper = Sweeper(database, given.steps, Leases(database, LEASE), {}, Duty(database, 3600.0))
            other = await asyncpg.connect(postgres_url)
            async with other.transaction():
                await other.execute("SELECT * FROM accounts WHERE name = $1 FOR UPDATE", held.account)
                sweeping = asyncio.create_task(sweeper.sweep())
                while not await other.fetchval(_WAITING):  # noqa: ASYNC110 - another session's state makes no event
                    await asyncio.sleep(0.01)
                versions = await database.read(lambda connection: ledger.versions(connection, [free.id, held.id]))
            assert versions == {free.id: free.version + 1, held.id: held.version}
            assert await sweeping == 2
            await other.close()

    run(scenario())


def test_news_is_told_while_redis_is_away_and_a_step_is_sent_by_the_first_round_after_it(tmp_path: Path) -> None:
    embedded = EmbeddedRedis(tmp_path / "redis")
    embedded.ensure()
    told: list[str] = []

    async def announce() -> None:
        told.append("news")

    async def scenario() -> None:
        async with bench(tmp_path, embedded.url) as given:
            duty = Duty(given.database, 3600.0)
            sweeper = Sweeper(given.database, given.steps, Leases(given.database, LEASE), {}, duty, announce=announce)
            await given.database.write(lambda connection: connection.execute(delete(t.duties)))
            job = await overdue(given, 0)
            embedded.stop()
            for _ in range(2):
                with pytest.raises((RedisError, OSError)):
                    await sweeper.round()
            assert told == ["news"] * 2
            embedded.ensure()
            await sweeper.round()
            assert await given.standing(job) is Standing.WAITING
            assert told == ["news"] * 3

    try:
        run(scenario())
    finally:
        embedded.stop()


def _count_starting(connection: Connection) -> int:
    return len(connection.execute(select(t.exports.c.id).where(t.exports.c.state == State.STARTING)).all())
