"""Checks that a poll which says "not yet" waits for nobody who decides on its account."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import asyncpg
from sqlalchemy import Connection

from landfall.database import accounts, ledger
from landfall.database.postgres import PostgresDatabase
from landfall.database.settlements import Settlement
from landfall.exports.job import ExportJob
from landfall.exports.outcomes import Waiting
from landfall.exports.policy import Policy
from landfall.exports.states import State
from landfall.exports.throttle import Effect
from tests.asynchronous import run
from tests.database.databases import LIMITS
from tests.exports.jobs import NOON, make_job
from worker.settlement import settle_wait, write_outcome

_WAITS = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
JOB = make_job(state=State.EXPORTING, report_id="r", started_at=NOON, due_at=NOON)


def fill(connection: Connection) -> None:
    accounts.register(connection, LIMITS)
    ledger.accept(connection, [JOB])


def settle(connection: Connection, outcome: Waiting) -> Settlement | None:
    return write_outcome(connection, JOB, outcome, Policy(), seconds=0.0)


@asynccontextmanager
async def held(url: str) -> AsyncIterator[tuple[PostgresDatabase, "asyncpg.Connection[Any]"]]:
    """A database with the export, and a session that holds its account until the block ends."""
    session = await asyncpg.connect(url)
    try:
        async with PostgresDatabase(url, pool_size=2) as database:
            await database.write(fill)
            async with session.transaction():
                await session.execute("SELECT * FROM accounts WHERE name = $1 FOR UPDATE", JOB.account)
                yield database, session
    finally:
        await session.close()


def test_a_report_that_is_not_ready_is_settled_while_others_hold_the_account(postgres_url: str) -> None:
    async def scenario() -> ExportJob | None:
        async with held(postgres_url) as (database, _):
            found = await database.glance(partial(accounts.find_export, export_id=JOB.id))
            assert found is not None
            _, throttle, now = found
            wait = settle_wait(JOB, Waiting(), Policy(), throttle, now=now)
            assert wait is not None
            assert await database.stroke(partial(ledger.save_by_itself, before=JOB, settled=wait, at=now))
            return await database.glance(partial(ledger.find, export_id=JOB.id))

    job = run(scenario())
    assert job is not None
    assert (job.state, job.polls) == (State.EXPORTING, 1)


def test_an_answer_that_changes_the_account_waits_for_its_turn(postgres_url: str) -> None:
    limited = Waiting(delay=60.0, effect=Effect.RATE_LIMITED)

    async def scenario() -> Settlement | None:
        async with held(postgres_url) as (database, session):
            writing = asyncio.create_task(database.write(partial(settle, outcome=limited)))
            while not await session.fetchval(_WAITS):  # noqa: ASYNC110 - another session's state makes no event
                await asyncio.sleep(0.01)
            await session.execute("COMMIT")
            return await writing

    assert run(scenario()) is not None
