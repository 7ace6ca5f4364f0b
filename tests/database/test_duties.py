"""Promises of duties: one holder at a time, and the next one when it is silent."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text, update

from landfall.database import duties
from landfall.database import tables as t
from landfall.database.clock import read_clock
from landfall.database.opening import open_database
from landfall.database.sqlite import SqliteDatabase, open_engine
from landfall.settings import Settings
from tests.asynchronous import run
from tests.database.databases import migrated
from worker.duty import Duty

LONG = timedelta(hours=1)
OVER = timedelta(seconds=-1)


def let_time_pass(connection: Connection) -> None:
    past = read_clock(connection) + OVER
    connection.execute(update(t.duties).values(until=past))


def test_a_duty_belongs_to_one_until_it_lets_go(connection: Connection) -> None:
    assert duties.look(connection, "sweep") is None
    assert duties.claim(connection, "sweep", "a", LONG)
    assert not duties.claim(connection, "sweep", "b", LONG)
    duties.let_go(connection, "sweep", "b")
    hold = duties.look(connection, "sweep")
    assert hold is not None
    assert hold.holder == "a"
    assert timedelta() < hold.left <= LONG
    duties.let_go(connection, "sweep", "a")
    assert duties.claim(connection, "sweep", "b", LONG)


def test_a_duty_of_a_silent_holder_goes_to_the_next_and_not_back(connection: Connection) -> None:
    assert duties.claim(connection, "sweep", "a", LONG)
    let_time_pass(connection)
    assert duties.claim(connection, "sweep", "b", LONG)
    assert not duties.claim(connection, "sweep", "a", LONG)


def test_a_renewal_lengthens_the_hold(connection: Connection) -> None:
    assert duties.claim(connection, "sweep", "a", timedelta(seconds=1))
    assert duties.claim(connection, "sweep", "a", LONG)
    hold = duties.look(connection, "sweep")
    assert hold is not None
    assert hold.left > timedelta(minutes=59)


def test_duties_of_different_names_do_not_meet(connection: Connection) -> None:
    assert duties.claim(connection, "sweep", "a", LONG)
    assert duties.claim(connection, "archive", "b", LONG)


@pytest.mark.parametrize("before", [None, OVER], ids=["nobody had it", "it has run out"])
def test_of_many_that_claim_at_once_one_gets_it(database_url: str, before: timedelta | None) -> None:
    async def race() -> list[bool]:
        async with AsyncExitStack() as stack:
            databases = [
                await stack.enter_async_context(open_database(Settings(database_url=database_url), for_steps=True))
                for _ in range(4)
            ]
            if before is not None:
                await databases[0].write(lambda connection: duties.claim(connection, "sweep", "dead", before))
            claims = [
                database.write(lambda connection, number=number: duties.claim(connection, "sweep", f"{number}", LONG))  # type: ignore[misc]  # mypy does not infer a lambda with a default
                for number, database in enumerate(databases * 4)
            ]
            return await asyncio.gather(*claims)

    assert sum(run(race())) == 1


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["claim", "let go", "time passes"]), st.sampled_from("abc")), max_size=30
)


@given(operations=OPERATIONS)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_there_are_never_two_holders(tmp_path: Path, operations: list[tuple[str, str]]) -> None:
    engine = open_engine(migrated(tmp_path / "landfall.db"), "BEGIN IMMEDIATE", "PRAGMA synchronous=OFF", size=1)
    holder = ""
    with engine.begin() as connection:
        for what, who in operations:
            if what == "claim":
                claimed = duties.claim(connection, "sweep", who, LONG)
                assert claimed == (holder in {"", who})
                holder = who if claimed else holder
            elif what == "let go":
                duties.let_go(connection, "sweep", who)
                holder = "" if holder == who else holder
            else:
                let_time_pass(connection)
                holder = ""
    engine.dispose()


def test_only_the_holder_writes(tmp_path: Path) -> None:
    """SQLite's data_version tells of every commit of another connection."""
    url = f"sqlite:///{migrated(tmp_path / 'landfall.db')}"

    async def scenario() -> list[int]:
        async with AsyncExitStack() as stack:
            ours, theirs, witness = [
                await stack.enter_async_context(SqliteDatabase(url, durable=False)) for _ in range(3)
            ]
            holder, other = Duty(ours, 3600.0), Duty(theirs, 3600.0)
            assert await holder.is_ours()
            versions = []
            for _ in range(3):
                assert not await other.is_ours()
                assert await holder.is_ours()
                versions.append(
                    await witness.glance(
                        lambda connection: connection.execute(text("PRAGMA data_version")).scalar_one()
                    )
                )
            await holder.let_go()
            assert await other.is_ours()
            assert not await holder.is_ours()
            return versions

    assert all(one == next_ for one, next_ in pairwise(run(scenario())))


def test_a_holder_renews_when_half_of_its_time_has_passed(tmp_path: Path) -> None:
    url = f"sqlite:///{migrated(tmp_path / 'landfall.db')}"

    def age(connection: Connection) -> None:
        connection.execute(update(t.duties).values(until=read_clock(connection) + timedelta(seconds=3599)))

    async def scenario() -> timedelta:
        async with SqliteDatabase(url, durable=False) as database:
            duty = Duty(database, 3600.0)
            assert await duty.is_ours()
            await database.write(age)
            assert await duty.is_ours()
            hold = await database.glance(lambda connection: duties.look(connection, "sweep"))
            assert hold is not None
            return hold.left

    assert run(scenario()) > timedelta(hours=1)
