"""Promises of transactions on Postgres where something is in their way."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from landfall.database import accounts, same_requests
from landfall.database import postgres as under_test
from landfall.database.connection import DatabaseUnavailable
from landfall.database.migrate import migrate
from landfall.database.opening import open_database, shown
from landfall.database.postgres import PostgresDatabase, open_engine
from landfall.database.revision import require_head
from landfall.settings import Settings, SettingsError
from tests.asynchronous import run
from tests.database import many_exports
from tests.database.databases import LIMITS
from tests.services.postgres import Postgres
from tests.services.tls_front import NoCertificateError, make_certificate, tls_front

_PATIENCE_SECONDS = 20.0


def opened(url: str, pool_size: int = 3) -> PostgresDatabase:
    return PostgresDatabase(url, pool_size=pool_size)


def register(connection: Connection) -> None:
    accounts.register(connection, LIMITS)


def move_on(connection: Connection) -> None:
    connection.execute(text("UPDATE accounts SET turn = turn + 1 WHERE name = 'shop-bwp'"))


def turn(connection: Connection) -> float:
    return float(connection.execute(text("SELECT turn FROM accounts WHERE name = 'shop-bwp'")).scalar_one())


async def somebody_waits(session: "asyncpg.Connection[Any]") -> None:
    """Until a session waits for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not await session.fetchval(waiting):  # noqa: ASYNC110 - another session's state makes no event
            await asyncio.sleep(0.01)


def test_of_two_that_wait_for_each_other_the_one_that_was_ended_tries_again(postgres_url: str) -> None:
    tries = []

    def both(connection: Connection) -> None:
        tries.append(1)
        move_on(connection)
        connection.execute(text("UPDATE accounts SET turn = turn + 1 WHERE name = 'shop-ab'"))

    async def scenario() -> float:
        other = await asyncpg.connect(postgres_url, server_settings={"deadlock_timeout": "20s"})
        async with opened(postgres_url) as database:
            await database.write(register)
            async with other.transaction():
                await other.execute("UPDATE accounts SET turn = 5 WHERE name = 'shop-ab'")
                writing = asyncio.create_task(database.write(both))
                await somebody_waits(other)
                await other.execute("UPDATE accounts SET turn = 5 WHERE name = 'shop-bwp'")
            await writing
            await other.close()
            return await database.read(turn)

    assert run(scenario()) == 6.0
    assert len(tries) == 2


def test_who_falls_asleep_in_a_transaction_loses_the_account(postgres_url: str) -> None:
    async def scenario() -> float:
        sleeper = open_engine(postgres_url, idle_in_transaction_session_timeout="300ms")
        async with opened(postgres_url) as database:
            await database.write(register)
            async with sleeper.connect() as asleep:
                await asleep.run_sync(move_on)
                await database.write(move_on)
                await asleep.invalidate()
            await sleeper.dispose()
            return await database.read(turn)

    assert run(scenario()) == 1.0


def test_a_crowd_shares_a_small_pool(postgres_url: str) -> None:
    async def scenario() -> float:
        async with opened(postgres_url, pool_size=2) as database:
            await database.write(register)
            await asyncio.gather(*(database.write(move_on) for _ in range(60)))
            return await database.glance(turn)

    assert run(scenario()) == 60.0


def test_a_read_writes_nothing(postgres_url: str) -> None:
    async def scenario() -> None:
        async with opened(postgres_url) as database:
            with pytest.raises((DBAPIError, DatabaseUnavailable), match="read-only"):
                await database.read(move_on)

    run(scenario())


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_a_restart_of_the_server_costs_nothing_that_comes_after_it(
    postgres: Postgres, postgres_url: str, how: signal.Signals
) -> None:
    if not postgres.is_ours:
        pytest.skip("the server of TEST_DATABASE_URL is not ours to stop")

    async def restart() -> None:
        await asyncio.to_thread(postgres.stop, how)
        await asyncio.to_thread(postgres.start)

    async def scenario() -> float:
        async with opened(postgres_url) as database:
            await database.write(register)
            await asyncio.gather(*(database.write(move_on) for _ in range(3)))
            await restart()
            await asyncio.gather(*(database.write(move_on) for _ in range(3)))
            await restart()
            assert await database.glance(turn) == 6.0
            await restart()
            return await database.read(turn)

    assert run(scenario()) == 6.0


def test_a_server_that_is_away_is_said_to_be_and_found_again(postgres: Postgres, postgres_url: str) -> None:
    if not postgres.is_ours:
        pytest.skip("the server of TEST_DATABASE_URL is not ours to stop")

    async def scenario() -> float:
        async with opened(postgres_url) as database:
            await database.write(register)
            await asyncio.to_thread(postgres.stop)
            refused: list[Coroutine[Any, Any, object]] = [
                database.write(move_on),
                database.glance(turn),
                database.read(turn),
            ]
            found = await asyncio.gather(*refused, return_exceptions=True)
            assert [type(each) for each in found] == [DatabaseUnavailable] * 3
            await asyncio.to_thread(postgres.start)
            await database.write(move_on)
            return await database.read(turn)

    assert run(scenario()) == 1.0


def test_a_mistake_of_ours_is_no_unavailable_database(postgres_url: str) -> None:
    async def scenario() -> None:
        async with opened(postgres_url) as database:
            with pytest.raises(DBAPIError, match="no_such_table"):
                await database.write(lambda connection: connection.execute(text("SELECT 1 FROM no_such_table")))

    run(scenario())


@pytest.mark.parametrize("value", ["a NUL \0", "half a pair \ud800"])
def test_a_value_that_cannot_be_kept_is_a_mistake_and_not_tried_again(postgres_url: str, value: str) -> None:
    tries = []

    def rename(connection: Connection) -> None:
        tries.append(1)
        connection.execute(text("UPDATE accounts SET error_message = :value"), {"value": value})

    async def scenario() -> None:
        async with opened(postgres_url) as database:
            with pytest.raises(DBAPIError):
                await database.write(rename)

    run(scenario())
    assert len(tries) == 1


def test_the_password_is_in_no_word_about_the_database(postgres: Postgres) -> None:
    secret = "PlantedPassword"
    host = postgres.url.rpartition("@")[2]
    url = f"postgresql://postgres:{secret}@{host}"
    assert secret not in shown(url)
    with pytest.raises(SettingsError) as refused:
        migrate(Settings(database_url=url))
    assert secret not in str(refused.value)

    async def scenario() -> str:
        async with open_database(Settings(database_url=url)) as database:
            with pytest.raises(DatabaseUnavailable) as unavailable:
                await database.read(turn)
            return str(unavailable.value)

    assert secret not in run(scenario())


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:Planted@Password:x@127.0.0.1:9/x",
        "postgresql://me:12/PlantedPassword@127.0.0.1:9/x",
        "postgresql://me:Planted/Password@127.0.0.1:9/x",
        "postgresql://me:Planted?Password@127.0.0.1:9/x",
        "postgresql://me:Planted#Password@127.0.0.1:9/x",
        "postgresql://me:[PlantedPassword@127.0.0.1:9/x",
        "postgresql://me:PlantedPassword@127.0.0.1:99999/x",
    ],
)
def test_a_url_that_cannot_be_read_is_refused_without_a_word_of_it(url: str) -> None:
    settings = Settings(database_url=url)
    with pytest.raises(SettingsError, match=r"^database_url: write it as") as refused:
        migrate(settings)
    with pytest.raises(SettingsError, match=r"^database_url: write it as") as refused_as_well:
        run(_looked(settings))
    assert not any(part in f"{refused.value}{refused_as_well.value}" for part in ("Planted", "Password", "127.0.0.1"))


async def _looked(settings: Settings) -> None:
    async with open_database(settings) as database:
        await require_head(database)


def test_a_url_may_name_several_servers() -> None:
    url = "postgresql://me:PlantedPassword@one:5432,[::1]:5433,three/landfall?target_session_attrs=primary"
    assert shown(url) == "postgresql://one:5432,[::1]:5433,three/landfall"


def test_a_migration_may_take_longer_than_any_other_statement(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the making of an index does: here it waits for another migration."""
    url = postgres.new_database()
    monkeypatch.setattr(under_test, "_ANSWER_SECONDS", 1.0)
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND now() - query_start > '1.5 s'"

    async def scenario() -> None:
        other = await asyncpg.connect(url)
        await other.execute("SELECT pg_advisory_lock($1)", int.from_bytes(b"landfall"))
        migrating = asyncio.create_task(asyncio.to_thread(migrate, Settings(database_url=url)))
        while not (migrating.done() or await other.fetchval(waits)):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
        await other.close()
        await migrating

    run(scenario())
    postgres.drop(url)


def test_a_schema_with_the_tables_of_something_else_is_left_alone(postgres: Postgres) -> None:
    url = postgres.new_database()
    postgres.execute("CREATE TABLE orders (id integer)", url=url)
    with pytest.raises(SettingsError, match=r"holds the tables of something else; add \?search_path=NAME"):
        migrate(Settings(database_url=url))
    with pytest.raises(SettingsError, match="has no schema that its search_path names"):
        migrate(Settings(database_url=f"{url}?search_path=landfall"))
    postgres.execute("CREATE SCHEMA landfall", url=url)
    migrate(Settings(database_url=f"{url}?search_path=landfall"))
    found = postgres.execute("SELECT count(*) FROM landfall.accounts", url=url)
    assert found[0][0] == 0
    postgres.drop(url)


def test_migrations_at_once_go_one_after_the_other(postgres: Postgres) -> None:
    url = postgres.new_database()
    command = [sys.executable, "-P", "-m", "landfall.database.migrate"]
    migrating = [subprocess.Popen(command, env=os.environ | {"LANDFALL_DATABASE_URL": url}) for _ in range(3)]
    assert [process.wait(_PATIENCE_SECONDS) for process in migrating] == [0, 0, 0]
    postgres.drop(url)


def test_tls_is_asked_for_in_the_url_and_a_strange_certificate_refused(postgres: Postgres, tmp_path: Path) -> None:
    parts = urlsplit(postgres.new_database())
    try:
        ours, strange = make_certificate(tmp_path / "ours"), make_certificate(tmp_path / "strange")
    except NoCertificateError as error:
        pytest.skip(str(error))

    def trusting(certificate: Path) -> Settings:
        netloc = f"{parts.username}:{parts.password}@localhost:{port}"
        query = f"sslmode=verify-full&sslrootcert={certificate}"
        return Settings(database_url=parts._replace(netloc=netloc, query=query).geturl())

    with tls_front(str(parts.hostname), int(parts.port or 5432), ours) as port:
        migrate(trusting(ours))
        with pytest.raises(SettingsError, match="certificate verify failed"):
            migrate(trusting(strange))
    postgres.drop(parts.geturl())


def test_a_question_that_was_asked_of_a_small_table_reads_no_more_of_one_that_has_grown(postgres_url: str) -> None:
    read = text("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'exports'")
    account = many_exports.account_name(0)

    def ask(connection: Connection) -> int:
        before = connection.execute(read).scalar_one()
        same_requests.in_flight(connection, account, [f"{number:x<64}" for number in range(5)])
        return int(connection.execute(read).scalar_one()) - int(before)

    def grow(connection: Connection, first: int, last: int) -> None:
        many_exports.fill(connection, first, last, accounts=1, failed_every=100)
        connection.execute(text("UPDATE exports SET state = 'queued', finished_at = NULL"))

    async def scenario() -> int:
        async with opened(postgres_url, pool_size=1) as database:
            await database.write(partial(many_exports.prepare, count=2))
            await database.write(partial(grow, first=0, last=100))
            for _ in range(10):
                await database.write(ask)
            await database.write(partial(grow, first=101, last=3999))
            return await database.write(ask)

    assert run(scenario()) == 0
