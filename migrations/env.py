"""Connects Alembic to Landfall's database."""

import asyncio

from alembic import context
from sqlalchemy import URL, Connection, create_engine, text
from sqlalchemy.pool import NullPool

from landfall.database.postgres import open_engine
from landfall.database.schema import metadata
from landfall.database.sqlite import sqlite_path
from landfall.database.urls import is_postgres

# Any number will do as long as nobody else takes it: the letters of "landfall".
_LOCK = int.from_bytes(b"landfall")


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
    engine = create_engine(URL.create("sqlite+pysqlite", database=str(sqlite_path(url))), poolclass=NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.commit()
        context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, compare_type=True)
        with context.begin_transaction():
            context.run_migrations()


run(context.config.attributes["url"])
