"""Promises of the worker that counts events, over real databases."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from landfall.database import accounts, history, ledger
from landfall.database.connection import Database
from landfall.database.opening import open_database
from landfall.settings import Settings
from tests.asynchronous import run
from tests.database.databases import LIMITS, migrated
from tests.exports.jobs import NOON, make_job
from worker.duty import Duty
from worker.tallying import Tallying


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{migrated(tmp_path / 'landfall.db')}"


def with_database(url: str, work: Callable[[Database], Any]) -> None:
    async def go() -> None:
        async with open_database(Settings(database_url=url), for_steps=True) as database:
            await database.write(lambda connection: accounts.register(connection, LIMITS))
            await work(database)

    run(go())


async def accept(database: Database, first: int, last: int) -> None:
    jobs = [make_job(id=f"exp_{number:05}") for number in range(first, last)]
    await database.write(partial(ledger.accept, jobs=jobs))


async def accepted(database: Database) -> int:
    def read(connection: Connection) -> int:
        return sum(hour.accepted for hour in history.throughput(connection, since=NOON, accounts=None))

    return await database.read(read)


async def at_once(_seconds: float) -> None:
    """Instead of a pause."""
    await asyncio.sleep(0)


def test_years_of_events_are_counted_in_pieces_with_pauses_between_them(database_url: str) -> None:
    pauses: list[float] = []

    async def note_pause(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    async def work(database: Database) -> None:
        await accept(database, 0, 2500)
        duty = Duty(database, 3600.0)
        assert await duty.is_ours()
        await Tallying(database, duty, note_pause).catch_up()
        assert await accepted(database) == 2500
        assert len(pauses) >= 2
        assert min(pauses) > 0

    with_database(database_url, work)


def test_a_worker_without_the_duty_counts_nothing(database_url: str) -> None:
    async def work(database: Database) -> None:
        await accept(database, 0, 5)
        await Tallying(database, Duty(database, 3600.0), at_once).catch_up()
        assert await accepted(database) == 0

    with_database(database_url, work)


def test_two_that_think_the_duty_theirs_count_each_event_once(database_url: str) -> None:
    async def work(database: Database) -> None:
        duty = Duty(database, 3600.0)
        assert await duty.is_ours()
        first, second = (Tallying(database, duty, at_once) for _ in range(2))
        for number in range(20):
            await accept(database, 10 * number, 10 * number + 10)
            await asyncio.gather(first.catch_up(), second.catch_up())
        while await accepted(database) < 200:
            await asyncio.gather(first.catch_up(), second.catch_up())
        await asyncio.gather(first.catch_up(), second.catch_up())
        assert await accepted(database) == 200

    with_database(database_url, work)


def test_what_happens_is_counted_while_the_worker_runs(database_url: str) -> None:
    async def work(database: Database) -> None:
        duty = Duty(database, 3600.0)
        assert await duty.is_ours()
        counting = asyncio.create_task(Tallying(database, duty, at_once).tally_forever())
        for number in range(3):
            await accept(database, number, number + 1)
            while await accepted(database) != number + 1:  # noqa: ASYNC110 - a row makes no event
                await asyncio.sleep(0.01)
        counting.cancel()
        with suppress(asyncio.CancelledError):
            await counting

    with_database(database_url, work)
