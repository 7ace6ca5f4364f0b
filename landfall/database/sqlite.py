"""Runs transactions on SQLite, the short ones at once and the others away from the event loop."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError
from sqlalchemy.pool import QueuePool

from landfall.database.connection import MISTAKES, WRITE_IT, Database, DatabaseUnavailable
from landfall.settings import SettingsError

T = TypeVar("T")
_READERS = 4
# Another process holds the lock for a millisecond, or while it syncs: so often a write is tried before a thread waits.
_PAUSES = (0.0005, 0.001, 0.002, 0.004)
_BUSY_SECONDS = 5.0
# About 500 pages: well before the 1000 at which SQLite makes whoever commits next wait for a checkpoint.
_CHECKPOINT_COMMITS = 100
_LONGEST_LOG_PAGES = 16_384


class SqliteDatabase(Database):
    """SQLite in WAL mode.

    A transaction of ours takes a third of a millisecond, which is less than handing it to a thread and back. So what
    is short runs at once, on the event loop's own thread, and only what would have to wait goes to a thread: a write
    while another process writes, a commit that is synced, a read of many rows.

    `durable` syncs every commit to the disk (what the API promises must survive a power cut); without it a power cut
    may undo the last commits, which a worker then simply does again.
    """

    def __init__(self, url: str, *, durable: bool) -> None:
        """Open nothing yet. Raises SettingsError for a URL that is not SQLite's."""
        path = sqlite_path(url)
        synchronous = "PRAGMA synchronous=FULL" if durable else "PRAGMA synchronous=NORMAL"
        self._writer = open_engine(path, "BEGIN IMMEDIATE", synchronous, size=1)
        self._reader = open_engine(path, "BEGIN", "PRAGMA query_only=ON", size=_READERS)
        # A checkpoint syncs: it is left to the writer's thread.
        hasty = ("PRAGMA busy_timeout=0", "PRAGMA wal_autocheckpoint=0", synchronous)
        self._hasty_writer = None if durable else open_engine(path, "BEGIN IMMEDIATE", *hasty, size=1)
        # One query is a transaction by itself.
        self._hasty_reader = open_engine(path, "", "PRAGMA query_only=ON", "PRAGMA busy_timeout=0", size=1)
        self._write_thread = ThreadPoolExecutor(1, thread_name_prefix="landfall-write")
        self._read_threads = ThreadPoolExecutor(_READERS, thread_name_prefix="landfall-read")
        self._commits = 0

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction that writes; at once where nobody else writes just now."""
        if self._hasty_writer:
            for pause in _PAUSES:
                with suppress(DatabaseUnavailable):
                    return self._write_at_once(self._hasty_writer, work)
                await asyncio.sleep(pause)
        return await self._run(self._write_thread, self._writer, work)

    def _write_at_once(self, engine: Engine, work: Callable[[Connection], T]) -> T:
        result = _transaction(engine, work)
        self._commits += 1
        if self._commits % _CHECKPOINT_COMMITS == 0:
            with suppress(RuntimeError):  # closed meanwhile: what is committed is committed all the same
                self._write_thread.submit(_checkpoint, self._writer)
        return result

    async def glance(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on this thread; one that would have to wait goes to another."""
        with suppress(DatabaseUnavailable):
            return _transaction(self._hasty_reader, work)
        return await self.read(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a thread, beside any writer."""
        return await self._run(self._read_threads, self._reader, work)

    async def _run(self, threads: ThreadPoolExecutor, engine: Engine, work: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(threads, _transaction, engine, work)

    async def aclose(self) -> None:
        """Finish what runs and close every connection."""
        self._write_thread.shutdown()
        self._read_threads.shutdown()
        for engine in (self._reader, self._writer, self._hasty_reader, self._hasty_writer):
            if engine:
                engine.dispose()


def sqlite_path(url: str) -> Path:
    """The file that a `sqlite:///…` URL names. Raises SettingsError for any other URL."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise SettingsError(WRITE_IT) from None
    if parsed.drivername != "sqlite" or not parsed.database:
        raise SettingsError(WRITE_IT)
    return Path(unquote(parsed.database))


def _transaction(engine: Engine, work: Callable[[Connection], T]) -> T:
    try:
        with engine.begin() as connection:
            return work(connection)
    except DatabaseError as error:
        if isinstance(error, MISTAKES):
            raise
        raise DatabaseUnavailable(str(error.orig)) from error
    except sqlite3.DatabaseError as error:
        raise DatabaseUnavailable(str(error)) from error


def _checkpoint(engine: Engine) -> None:
    """Move what was committed from the log into the file, as far as readers let it."""
    with suppress(DatabaseError), engine.connect() as connection:
        driver = connection.connection.driver_connection
        if driver:
            _, pages, _ = driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            # While somebody always reads or writes, the log is never at its end and only grows.
            if pages > _LONGEST_LOG_PAGES:
                driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def open_engine(path: Path, begin: str, *pragmas: str, size: int) -> Engine:
    """Connections to one SQLite file, at most `size`; each transaction opens with `begin`, none where that is empty."""
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"check_same_thread": False, "timeout": _BUSY_SECONDS},
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # the transaction is begun below, by its right name
        for line in ("PRAGMA journal_mode=WAL", "PRAGMA foreign_keys=ON", *pragmas):
            connection.execute(line)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        driver = connection.connection.driver_connection
        if begin and driver:
            driver.execute(begin)  # by the driver: SQLAlchemy would take as long as for a query

    return engine
