"""Checks that a copied database holds what the first one held, and goes on from there."""

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select, text, update

from landfall.database import accounts, admission, batches, copying, following, headers, ledger, orphans
from landfall.database import tables as t
from landfall.database.copying import TABLES, CopyRefused
from landfall.database.postgres import open_engine as open_postgres
from landfall.database.postgres import write_at_length
from landfall.database.sqlite import open_engine as open_sqlite
from landfall.database.tables import exports
from landfall.exports.job import Artifact
from landfall.exports.states import State
from tests.asynchronous import run
from tests.database import counted
from tests.database.databases import LIMITS, migrated
from tests.exports.jobs import NOON, make_job

PLACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_MANY = 2100  # more than two chunks
FILE = Artifact("file:///x.csv", 2**40, 2**33, "0" * 64, ("id", "größe", 'a"b'), empty=False, header_hash="h")


def fill(connection: Connection) -> None:
    accounts.register(connection, LIMITS)
    jobs = [make_job(id=f"exp_{n:05}", labels={"z": "1", "a": "é"}, request={"n": n / 3}) for n in range(_MANY)]
    ledger.accept(connection, jobs)
    stored = make_job(id="exp_stored", state=State.STORED, artifact=FILE, finished_at=NOON, traceparent=PLACE)
    ledger.accept(connection, [stored])
    headers.keep(connection, stored, FILE, now=NOON)
    orphans.record(connection, jobs[0], "r1", now=NOON, hold=NOON - NOON)
    admission.admit_next(connection, "shop-bwp")
    batches.create(connection, "bat_ended", [(stored, True)], {"z": "1", "a": "é"})
    assert batches.finish(connection)
    batches.create(connection, "bat_live", [(jobs[0], True), (stored, False)], {})
    accounts.pause(connection, "shop-ab", NOON, "anna")


def test_a_copy_holds_all_and_goes_on(tmp_path: Path, postgres_url: str) -> None:
    source = open_sqlite(migrated(tmp_path / "landfall.db"), "BEGIN IMMEDIATE", size=1)
    told: list[int] = []

    def continued(target: Connection) -> tuple[int, int]:
        ledger.accept(target, [make_job(id="exp_new")])
        query = select(func.count()).where(exports.c.state == State.QUEUED.value)
        numbers = target.execute(text("SELECT count(*), count(DISTINCT id) FROM events")).one()
        assert numbers[0] == numbers[1] == _MANY + 1 + 5 + 1
        return target.execute(query).scalar_one(), sum(told)

    with source.begin() as reading:
        fill(reading)
        rows = copying.count(reading)
        copied = run(write_at_length(postgres_url, lambda target: copying.copy(reading, target, told.append)))
        assert {each.table: each.rows for each in copied} == {
            table.name: reading.execute(select(func.count()).select_from(table)).scalar_one() for table in TABLES
        }
        assert run(write_at_length(postgres_url, continued)) == (_MANY - 5 + 1, rows)
        seen = run(write_at_length(postgres_url, partial(ledger.find, export_id="exp_stored")))
        assert seen == ledger.find(reading, "exp_stored")
        look = partial(batches.page, after=None, limit=5, within={"shop-bwp"})
        assert run(write_at_length(postgres_url, look)) == look(reading)
    source.dispose()


def test_a_copy_gives_no_event_the_number_of_one_that_was_archived(tmp_path: Path, postgres_url: str) -> None:
    source = open_sqlite(migrated(tmp_path / "landfall.db"), "BEGIN IMMEDIATE", size=1)

    def next_number(target: Connection) -> int:
        ledger.accept(target, [make_job(id="exp_new")])
        return following.newest(target)

    with source.begin() as reading:
        accounts.register(reading, LIMITS)
        ledger.accept(reading, [make_job(id="exp_live"), make_job(id="exp_2", state=State.FAILED, finished_at=NOON)])
        last = following.newest(reading)
        assert counted.move(reading, ["exp_2"]) == 1
        run(write_at_length(postgres_url, lambda target: copying.copy(reading, target, lambda _rows: None)))
    assert run(write_at_length(postgres_url, next_number)) == last + 1
    source.dispose()


def test_a_database_that_is_used_already_is_not_written_over(tmp_path: Path, postgres_url: str) -> None:
    source = open_sqlite(migrated(tmp_path / "landfall.db"), "BEGIN IMMEDIATE", size=1)
    with source.begin() as reading:
        fill(reading)
        run(write_at_length(postgres_url, lambda target: copying.copy(reading, target, lambda _rows: None)))
        with pytest.raises(CopyRefused, match="holds exports already"):
            run(write_at_length(postgres_url, lambda target: copying.copy(reading, target, lambda _rows: None)))
    source.dispose()


def test_a_copy_is_proven_where_the_two_databases_sort_text_in_two_ways(tmp_path: Path, postgres_url: str) -> None:
    """As most Postgres do: in the language of their machine."""
    path = migrated(tmp_path / "landfall.db")
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("PRAGMA writable_schema = ON")
        plain.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'name VARCHAR(63)', 'name VARCHAR(63) COLLATE NOCASE')"
        )
        plain.commit()
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("REINDEX")
    source = open_sqlite(path, "BEGIN IMMEDIATE", size=1)
    with source.begin() as reading:
        accounts.register(reading, {"a": LIMITS["shop-ab"], "B": LIMITS["shop-ab"]})
        assert reading.execute(select(t.accounts.c.name).order_by(t.accounts.c.name)).scalars().all() == ["a", "B"]
        copied = run(write_at_length(postgres_url, lambda target: copying.copy(reading, target, lambda _rows: None)))
    assert {each.table: each.rows for each in copied}["accounts"] == 2
    source.dispose()


def test_what_postgres_cannot_keep_is_refused_with_its_place(tmp_path: Path, postgres_url: str) -> None:
    source = open_sqlite(migrated(tmp_path / "landfall.db"), "BEGIN IMMEDIATE", size=1)
    with source.begin() as reading:
        fill(reading)
        reading.execute(update(exports).where(exports.c.id == "exp_00007").values(file_columns=["a\0"]))
        with pytest.raises(
            CopyRefused, match="a row of exports, exp_00000 or one of the 1000 after it, cannot be kept"
        ):
            run(write_at_length(postgres_url, lambda target: copying.copy(reading, target, lambda _rows: None)))
    source.dispose()


def test_a_copy_that_differs_is_taken_back(tmp_path: Path, postgres_url: str) -> None:
    source = open_sqlite(migrated(tmp_path / "landfall.db"), "BEGIN IMMEDIATE", size=1)

    def disturbed(target: Connection) -> None:
        def disturb(_rows: int) -> None:
            target.execute(update(exports).where(exports.c.id == "exp_00007").values(priority=3))

        copying.copy(reading, target, disturb)

    with source.begin() as reading:
        fill(reading)
        with pytest.raises(CopyRefused, match="rows of exports did not arrive"):
            run(write_at_length(postgres_url, disturbed))
    source.dispose()

    async def left() -> int:
        engine = open_postgres(postgres_url)
        async with engine.connect() as connection:
            found = await connection.execute(select(func.count()).select_from(exports))
        await engine.dispose()
        return int(found.scalar_one())

    assert run(left()) == 0
