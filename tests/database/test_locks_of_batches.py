"""Promises that nobody who steers or finishes batches on Postgres waits in a ring with others who do."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection

from landfall.database import accounts, batches, ledger
from landfall.database.postgres import PostgresDatabase
from landfall.database.steering import lock_for_retries, retrying
from landfall.exports.job import ExportJob
from landfall.exports.states import State
from tests.asynchronous import run
from tests.database.databases import LIMITS
from tests.exports.jobs import NOON, make_job

T = TypeVar("T")
COUNT = 50
retry = retrying("by key anna")


def failed(account: str) -> list[ExportJob]:
    names = [f"exp_{account}_{number:03}" for number in range(COUNT)]
    return [
        make_job(id=name, account=account, request={"of": name}, state=State.FAILED, finished_at=NOON) for name in names
    ]


def retry_all(connection: Connection, jobs: Sequence[ExportJob]) -> int:
    lock_for_retries(connection, jobs)
    return sum(retry(connection, job).changed for job in jobs)


def test_those_who_retry_exports_of_the_same_batches_and_who_finishes_them_undo_nobody_s_work(
    postgres_url: str,
) -> None:
    mine, others = failed("shop-bwp"), failed("shop-ab")
    begun: list[str] = []

    def once(name: str, work: Callable[[Connection], T]) -> Callable[[Connection], T]:
        def counted(connection: Connection) -> T:
            begun.append(name)
            return work(connection)

        return counted

    def fill(connection: Connection) -> None:
        accounts.register(connection, LIMITS)
        ledger.accept(connection, mine + others)
        for number in range(COUNT):
            both = [(mine[number], True), (others[-1 - number], True)]
            batches.create(connection, f"bat_{number:03}", both, {})

    async def scenario() -> list[int]:
        async with PostgresDatabase(postgres_url, pool_size=3) as database:
            await database.write(fill)
            retried = await asyncio.gather(
                database.write(once("mine", lambda connection: retry_all(connection, mine))),
                database.write(once("others'", lambda connection: retry_all(connection, others))),
                database.write(once("finish", lambda connection: len(batches.finish(connection, COUNT)))),
            )
            assert not await database.read(batches.any_to_finish)
            return list(retried)

    assert run(scenario())[:2] == [COUNT, COUNT]
    # Whoever is undone for another's sake begins again.
    assert sorted(begun) == ["finish", "mine", "others'"]
