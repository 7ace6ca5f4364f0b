"""Promises of following all events: none is left out, none comes twice, and they come in the order of their numbers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from landfall.database import accounts, following, ledger
from landfall.database import tables as t
from landfall.database.connection import Database
from landfall.database.following import Happening, Mark
from landfall.database.opening import open_database
from landfall.database.postgres import open_engine
from landfall.exports.settling import Event
from landfall.exports.states import State
from landfall.settings import Settings
from tests.asynchronous import run
from tests.database import counted
from tests.database.databases import LIMITS
from tests.exports.jobs import NOON, make_job

T = TypeVar("T")
JOB = make_job(id="exp_1")


def note(connection: Connection, number: int = 0) -> None:
    ledger.note(connection, JOB, Event("wait", None, number), at=NOON)


def begin(connection: Connection) -> None:
    accounts.register(connection, LIMITS)
    ledger.accept(connection, [JOB])


def numbers(found: list[Happening]) -> list[int]:
    return [each.event.id for each in found]


def read(connection: Connection, mark: Mark, now: float = 0.0) -> tuple[list[Happening], Mark]:
    return following.read(connection, mark, now=now, limit=100)


async def read_on(database: Database, mark: Mark) -> tuple[list[Happening], Mark]:
    """Read until nothing is waited for any more."""
    told: list[Happening] = []
    while True:
        found, mark = await database.read(partial(read, mark=mark))
        told += found
        if not mark.missed:
            return told, mark
        await asyncio.sleep(0)


def with_database(url: str, work: Callable[[Database], object]) -> None:
    async def go() -> None:
        async with open_database(Settings(database_url=url)) as database:
            await database.write(begin)
            await work(database)  # type: ignore[misc]  # each work is a coroutine function

    run(go())


@asynccontextmanager
async def noting(url: str, number: int) -> AsyncIterator[AsyncConnection]:
    """A transaction that has written an event, and so drawn its number, and does not end by itself."""
    engine = open_engine(url)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(partial(note, number=number))
            yield connection
    finally:
        await engine.dispose()


def test_what_has_happened_comes_once_in_order(database_url: str) -> None:
    async def work(database: Database) -> None:
        start, _ = await database.read(following.begin)
        told: list[Happening] = []
        mark = Mark(start)
        for number in range(5):
            await database.write(partial(note, number=number))
            found, mark = await read_on(database, mark)
            told += found
        assert [each.event.attempt for each in told] == [0, 1, 2, 3, 4]
        assert numbers(told) == sorted(set(numbers(told)))
        assert (await database.read(partial(read, mark=mark)))[0] == []
        between = partial(following.between, after=start, last=mark.id, limit=100)
        assert numbers(await database.read(between)) == numbers(told)

    with_database(database_url, work)


def test_the_last_event_of_an_export_alone_tells_when_its_next_step_is_due(database_url: str) -> None:
    due = NOON + timedelta(seconds=5)

    async def work(database: Database) -> None:
        def write(connection: Connection) -> None:
            job = make_job(id="exp_2", state=State.EXPORTING, due_at=due)
            ledger.accept(connection, [job])
            ledger.note(connection, job, Event("wait", None, 1), at=NOON)

        await database.write(write)
        found, _ = await database.read(partial(read, mark=Mark(0)))
        assert [each.due_at for each in found] == [None, None, due]

    with_database(database_url, work)


def test_a_number_that_is_drawn_but_not_committed_is_waited_for_and_not_left_out(postgres_url: str) -> None:
    async def work(database: Database) -> None:
        mark = Mark(1)
        async with noting(postgres_url, 2) as slow:
            await database.write(partial(note, number=3))
            for _ in range(3):
                found, mark = await database.read(partial(read, mark=mark))
                assert found == []
            await slow.commit()
        found, mark = await read_on(database, mark)
        assert [each.event.attempt for each in found] == [2, 3]

    with_database(postgres_url, work)


def test_a_number_that_nobody_will_bring_is_not_waited_for(postgres_url: str) -> None:
    async def work(database: Database) -> None:
        mark = Mark(1)
        async with noting(postgres_url, 2) as slow:
            await database.write(partial(note, number=3))
            found, mark = await database.read(partial(read, mark=mark))
            assert found == []
            await slow.rollback()
        found, mark = await read_on(database, mark)
        assert [each.event.attempt for each in found] == [3]

    with_database(postgres_url, work)


def test_of_two_numbers_that_are_missed_one_comes_and_the_other_does_not(postgres_url: str) -> None:
    async def work(database: Database) -> None:
        mark = Mark(1)
        async with noting(postgres_url, 2) as first:
            await database.write(partial(note, number=3))
            found, mark = await database.read(partial(read, mark=mark))
            assert found == []
            async with noting(postgres_url, 4) as second:
                await database.write(partial(note, number=5))
                await first.rollback()
                found, mark = await database.read(partial(read, mark=mark))
                assert [each.event.attempt for each in found] == [3]
                found, mark = await database.read(partial(read, mark=mark))
                assert found == []
                await second.commit()
                found, mark = await read_on(database, mark)
                assert [each.event.attempt for each in found] == [4, 5]

    with_database(postgres_url, work)


def test_a_transaction_that_never_ends_holds_nothing_back_for_ever(postgres_url: str) -> None:
    async def work(database: Database) -> None:
        async with noting(postgres_url, 2):
            await database.write(partial(note, number=3))
            found, mark = await database.read(partial(read, mark=Mark(1)))
            assert found == []
            late = partial(read, mark=mark, now=following.PATIENCE_SECONDS + 1)
            found, _ = await database.read(late)
            assert [each.event.attempt for each in found] == [3]

    with_database(postgres_url, work)


def test_whoever_begins_while_a_number_is_out_waits_for_it_first(postgres_url: str) -> None:
    async def work(database: Database) -> None:
        async with noting(postgres_url, 2) as slow:
            await database.write(partial(note, number=3))
            newest, horizon = await database.read(following.begin)
            assert horizon is not None
            assert not await database.read(partial(following.has_passed, horizon=horizon))
            await slow.commit()
        assert await database.read(partial(following.has_passed, horizon=horizon))
        between = partial(following.between, after=1, last=newest, limit=100)
        assert [each.event.attempt for each in await database.read(between)] == [2, 3]

    with_database(postgres_url, work)


def test_many_writers_at_once_lose_nobody_an_event_and_none_comes_twice(database_url: str) -> None:
    async def work(database: Database) -> None:
        writing = asyncio.gather(*(database.write(partial(note, number=number)) for number in range(60)))
        told: list[Happening] = []
        mark = Mark(1)
        while not writing.done():
            found, mark = await database.read(partial(read, mark=mark))
            told += found
        await writing
        found, mark = await read_on(database, mark)
        told += found
        assert sorted(each.event.attempt for each in told) == list(range(60))
        assert numbers(told) == sorted(numbers(told))

    with_database(database_url, work)


def test_numbers_that_begin_anew_take_the_mark_back(database_url: str) -> None:
    async def work(database: Database) -> None:
        def empty(connection: Connection) -> int:
            connection.execute(delete(t.events))
            return int(connection.execute(select(func.count()).select_from(t.events)).scalar_one())

        assert await database.write(empty) == 0
        found, mark = await database.read(partial(read, mark=Mark(100)))
        assert (found, mark) == ([], Mark(0))
        await database.write(partial(note, number=7))
        found, _ = await read_on(database, mark)
        assert [each.event.attempt for each in found] == [7]

    with_database(database_url, work)


def test_the_number_of_an_event_that_was_archived_is_not_given_again(database_url: str) -> None:
    def end(connection: Connection) -> None:
        ended = make_job(id="exp_2", state=State.FAILED, finished_at=NOON)
        ledger.accept(connection, [ended])
        assert counted.move(connection, ["exp_2"]) == 1

    async def work(database: Database) -> None:
        _, mark = await read_on(database, Mark(0))
        await database.write(end)
        await database.write(note)
        found, _ = await read_on(database, mark)
        assert numbers(found) == [mark.id + 2]

    with_database(database_url, work)
