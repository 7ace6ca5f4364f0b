"""Connects Alembic to Landfall's database."""

import asyncio
import sqlite3

from alembic import context
from sqlalchemy import URL, Connection, create_engine, event, text
from sqlalchemy.pool import NullPool

from landfall.database.postgres import open_engine
from landfall.database.schema import metadata
from landfall.database.sqlite import sqlite_path
from landfall.database.urls import is_postgres

# Any number will do as long as nobody else takes it: the letters of "landfall".
_LOCK = int.from_bytes(b"landfall")
# Another that migrates the same SQLite file may copy millions of rows.
_PATIENCE_SECONDS = 60.0


def run(url: str) -> None:
    """Migrate in one transaction."""
    if is_postgres(url):
        with asyncio.Runner() as runner:
            runner.run(_on_postgres(url))
    else:
        _on_sqlite(url)


async def _on_postgres(url: str) -> None:
    # An index over millions of rows takes its time, and a lock is not waited for while everybody waits behind it. Beside
    # heavy work on the same machine the migration itself may pause; one that was stopped gives its locks back in the end.
    engine = open_engine(url, at_length=True, idle_in_transaction_session_timeout="60s")
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_one_after_the_other)
    finally:
        await engine.dispose()


def _one_after_the_other(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, compare_type=True)
    with context.begin_transaction():
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        connection.execute(text("SET LOCAL lock_timeout = '10s'"))
        context.run_migrations()


def _on_sqlite(url: str) -> None:
    """SQLite alters tables by copying them (batch mode)."""
    database = URL.create("sqlite+pysqlite", database=str(sqlite_path(url)))
    engine = create_engine(database, poolclass=NullPool, connect_args={"timeout": _PATIENCE_SECONDS})
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=True,
            compare_type=True,
            transactional_ddl=True,
        )
        with context.begin_transaction():
            context.run_migrations()


def _set_up(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own transactions begin with the first row that is written: tables that were altered before would stay
    # so where the rest fails.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


run(context.config.attributes["url"])
