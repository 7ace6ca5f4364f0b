"""Reads the database as it is, without leaving a trace in it or beside it."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from landfall.database.connection import DatabaseUnavailable
from landfall.database.opening import open_database
from landfall.database.sqlite import sqlite_path
from landfall.database.urls import is_postgres
from landfall.settings import Settings

T = TypeVar("T")
_BUSY_SECONDS = 3.0


def read(settings: Settings, work: Callable[[Connection], T]) -> T:
    """Run `work` on a view of the database. Raises DatabaseUnavailable, SettingsError."""
    if is_postgres(settings.database_url):
        return asyncio.run(_read_postgres(settings, work))
    path = sqlite_path(settings.database_url)
    engine = create_engine("sqlite://", creator=lambda: connect_readonly(path), poolclass=StaticPool)
    try:
        with engine.connect() as connection:
            return work(connection)
    except DBAPIError as problem:
        raise DatabaseUnavailable(str(problem.orig)) from problem
    finally:
        engine.dispose()


def connect_readonly(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. Raises sqlite3.Error.

    Where nobody has the database open it makes no files beside it either: they would belong to whoever runs this.
    """
    quiet = not path.with_name(f"{path.name}-wal").exists()
    name = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if quiet else ''}"
    return sqlite3.connect(name, uri=True, timeout=_BUSY_SECONDS, check_same_thread=False)


async def _read_postgres(settings: Settings, work: Callable[[Connection], T]) -> T:
    async with open_database(settings) as database:
        return await database.read(work)
