"""Promises of the tallies: each event is counted once, whoever counts, and none before it can be seen."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, func, select

from landfall.database import accounts, archive, copying, following, history, ledger, tallying
from landfall.database import tables as t
from landfall.database.clock import read_clock
from landfall.database.connection import Database
from landfall.database.history import HourOfWork
from landfall.database.opening import open_database
from landfall.database.postgres import open_engine, write_at_length
from landfall.database.schema import tally_tables
from landfall.database.sqlite import open_engine as open_sqlite
from landfall.exports.settling import Event
from landfall.exports.states import State, Step
from landfall.settings import Settings
from tests.asynchronous import run
from tests.database.counted import take_for_counted
from tests.database.databases import LIMITS, migrated
from tests.database.planted import ACCOUNT, count_all, plant
from tests.exports.jobs import NOON, make_job

_TABLES = (tally_tables.export_hours, tally_tables.step_hours, tally_tables.failure_hours)
_DAY = timedelta(days=1)


def all_tallies(connection: Connection) -> list[list[Any]]:
    return [sorted((tuple(row) for row in connection.execute(select(table))), key=str) for table in _TABLES]


def begin_anew(connection: Connection) -> None:
    for table in _TABLES:
        connection.execute(delete(table))
    connection.execute(tally_tables.tallied.update().values(event_id=0))


def throughput(connection: Connection) -> HourOfWork:
    (found,) = history.throughput(connection, since=NOON, accounts=None)
    return found


def accept(connection: Connection, *ids: str) -> None:
    ledger.accept(connection, [make_job(id=id_) for id_ in ids])


def accepting(*ids: str) -> Callable[[Connection], None]:
    return lambda connection: accept(connection, *ids)


def with_database(url: str, work: Callable[[Database], Any]) -> None:
    async def go() -> None:
        async with open_database(Settings(database_url=url), for_steps=True) as database:
            await database.write(lambda connection: accounts.register(connection, LIMITS))
            await work(database)

    run(go())


async def count_now(database: Database, mark: following.Mark | None = None) -> following.Mark:
    """Count until nothing is waited for."""
    reached = await database.read(partial(tallying.resume, now=0.0)) if mark is None else mark
    while True:
        counted = await database.read(partial(tallying.count, mark=reached, now=0.0, limit=100))
        if counted.after.id > reached.id:
            assert await database.write(partial(tallying.write, counted=counted))
        elif not counted.after.missed:
            return counted.after
        reached = counted.after
        await asyncio.sleep(0)


def test_events_that_are_counted_one_by_one_come_to_the_same_as_all_at_once(connection: Connection) -> None:
    plant(connection)
    at_once = all_tallies(connection)
    assert all(at_once)
    begin_anew(connection)
    count_all(connection, limit=1)
    assert all_tallies(connection) == at_once


def test_what_was_counted_is_not_counted_again(connection: Connection) -> None:
    accept(connection, "exp_1", "exp_2")
    count_all(connection)
    count_all(connection)
    assert throughput(connection).accepted == 2


def test_of_two_who_counted_the_same_events_one_writes(connection: Connection) -> None:
    accept(connection, "exp_1")
    mark = tallying.resume(connection, now=0.0)
    first, second = (tallying.count(connection, mark, now=1e9, limit=10) for _ in range(2))
    assert tallying.write(connection, first)
    assert not tallying.write(connection, second)
    assert throughput(connection).accepted == 1


def test_two_who_count_at_the_same_time_count_each_event_once(database_url: str) -> None:
    exports, workers = 60, 3

    async def work(database: Database) -> None:
        async def go_on(until: asyncio.Event) -> None:
            while not until.is_set():
                mark = await database.read(partial(tallying.resume, now=0.0))
                counted = await database.read(partial(tallying.count, mark=mark, now=0.0, limit=7))
                if counted.after.id > mark.id:
                    await database.write(partial(tallying.write, counted=counted))
                await asyncio.sleep(0)

        done = asyncio.Event()
        counting = [asyncio.create_task(go_on(done)) for _ in range(workers)]
        await asyncio.gather(*(database.write(accepting(f"exp_{n}")) for n in range(exports)))
        done.set()
        await asyncio.gather(*counting)
        await count_now(database)
        assert (await database.read(throughput)).accepted == exports

    with_database(database_url, work)


def test_an_event_whose_number_is_seen_late_is_counted(postgres_url: str) -> None:
    async def work(database: Database) -> None:
        engine = open_engine(postgres_url)
        async with engine.connect() as slow:
            await slow.run_sync(accepting("exp_slow"))
            await database.write(accepting("exp_quick"))
            mark = await database.read(partial(tallying.resume, now=0.0))
            for _ in range(3):
                counted = await database.read(partial(tallying.count, mark=mark, now=0.0, limit=10))
                assert counted.after.id == mark.id
                mark = counted.after
            await slow.commit()
        await count_now(database, mark)
        assert (await database.read(throughput)).accepted == 2
        await engine.dispose()

    with_database(postgres_url, work)


def test_gaps_among_old_numbers_hold_nobody_up(postgres_url: str) -> None:
    """As the archive leaves them: each would else cost two rounds."""

    def leave_gaps(connection: Connection) -> None:
        accept(connection, *(f"exp_{n}" for n in range(40)))
        take_for_counted(connection)
        gone = [f"exp_{n}" for n in range(0, 40, 2)]
        connection.execute(delete(t.exports).where(t.exports.c.id.in_(gone)))
        begin_anew(connection)

    async def work(database: Database) -> None:
        await database.write(leave_gaps)
        mark = await database.read(partial(tallying.resume, now=0.0))
        counted = await database.read(partial(tallying.count, mark=mark, now=0.0, limit=100))
        assert counted.after.id == 40
        assert await database.write(partial(tallying.write, counted=counted))
        assert (await database.read(throughput)).accepted == 20

    with_database(postgres_url, work)


def test_no_export_is_archived_before_its_events_are_counted(connection: Connection) -> None:
    ledger.accept(connection, [make_job(id="exp_1", state=State.FAILED, finished_at=NOON)])
    assert archive.move(connection, ["exp_1"]) == 0
    count_all(connection)
    assert archive.move(connection, ["exp_1"]) == 1
    assert throughput(connection).accepted == 1


def test_the_mark_stays_where_the_last_events_were_archived(connection: Connection) -> None:
    ledger.accept(connection, [make_job(id="exp_1", state=State.FAILED, finished_at=NOON)])
    count_all(connection)
    assert archive.move(connection, ["exp_1"]) == 1
    count_all(connection)
    accept(connection, "exp_2")
    count_all(connection)
    assert throughput(connection).accepted == 2


def test_tallies_are_forgotten_by_the_hour_once_they_are_too_old(connection: Connection) -> None:
    now = read_clock(connection)
    old = [now - tallying.KEPT - days * _DAY for days in (1, 2)]
    jobs = [make_job(id=f"exp_{n}", created_at=at) for n, at in enumerate([*old, now])]
    ledger.accept(connection, jobs)
    count_all(connection)
    assert tallying.forget_oldest(connection)
    assert tallying.forget_oldest(connection)
    assert not tallying.forget_oldest(connection)
    kept = connection.execute(select(func.count()).select_from(tally_tables.export_hours)).scalar_one()
    assert kept == 1


def test_the_past_is_read_of_the_accounts_that_a_caller_sees(connection: Connection) -> None:
    plant(connection)
    for read in (history.throughput, history.latency, history.failures):
        whole = read(connection, since=NOON, accounts=None)
        assert whole
        assert read(connection, since=NOON, accounts=frozenset({ACCOUNT})) == whole
        assert read(connection, since=NOON, accounts=frozenset(LIMITS), account=ACCOUNT) == whole
        assert not read(connection, since=NOON, accounts=frozenset({"shop-ab"}))
        assert not read(connection, since=NOON, accounts=frozenset())
        assert not read(connection, since=NOON, accounts=None, account="shop-ab")


def test_the_past_of_all_accounts_is_one_sum(connection: Connection) -> None:
    plant(connection)
    ledger.accept(connection, [make_job(id="exp_other", account="shop-ab", vendor="intelligems")])
    ledger.note(connection, make_job(id="exp_other"), Event("admit", None, 0), at=NOON + timedelta(seconds=7))
    count_all(connection)
    found, _ = history.throughput(connection, since=NOON, accounts=None)
    assert (found.hour, found.accepted, found.stored, found.failed, found.cancelled) == (NOON, 5, 1, 1, 0)
    (queue,) = (each for each in history.latency(connection, since=NOON, accounts=None) if each.phase == "queue")
    assert (queue.runs, queue.mean, queue.longest) == (3, 4.0, 7.0)


def test_failures_of_several_hours_are_summed_with_the_last_of_them(connection: Connection) -> None:
    plant(connection)
    failed = make_job(id="exp_again", state=State.FAILED, finished_at=NOON)
    later = NOON + timedelta(hours=3)
    ledger.accept(connection, [failed])
    known = history.failures(connection, since=NOON, accounts=None)[0]
    fault = ledger.find(connection, "exp_failed")
    assert fault is not None
    ledger.note(connection, failed, Event("give up", Step.START, 1, fault.error), at=later)
    count_all(connection)
    (found,) = history.failures(connection, since=NOON, accounts=None)
    assert (known.failures, found.failures, found.last_export_id, found.last_at) == (1, 2, "exp_again", later)


def test_a_copied_database_keeps_its_tallies_and_goes_on_behind_their_mark(tmp_path: Path, postgres_url: str) -> None:
    source = open_sqlite(migrated(tmp_path / "landfall.db"), "BEGIN IMMEDIATE", size=1)

    def copy_and_go_on(reading: Connection, target: Connection) -> list[list[Any]]:
        copying.copy(reading, target, lambda _rows: None)
        copied = all_tallies(target)
        accept(target, "exp_new")
        count_all(target)
        assert sum(hour.accepted for hour in history.throughput(target, since=NOON, accounts=None)) == 7
        return copied

    with source.begin() as reading:
        accounts.register(reading, LIMITS)
        plant(reading)
        assert run(write_at_length(postgres_url, partial(copy_and_go_on, reading))) == all_tallies(reading)
    source.dispose()
