"""Runs transactions on Postgres through asyncpg, again where another transaction was in the way."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from landfall.database.connection import MISTAKES, WRITE_IT, Database, DatabaseUnavailable
from landfall.settings import SettingsError

T = TypeVar("T")
_TRIES = 5
_PAUSE_SECONDS = 0.02
# Each try may wait for a connection and then for a lock: whoever asks shall have an answer within half a minute.
_TRYING_SECONDS = 6.0
_CONNECT_SECONDS = 5.0
_POOL_SECONDS = 10.0
# Longer than any statement of ours takes, and than any lock is waited for: a server that is silent has gone.
_ANSWER_SECONDS = 30.0
# serialization_failure, deadlock_detected, lock_not_available: the transaction was undone for somebody else's sake.
_IN_THE_WAY = frozenset({"40001", "40P01", "55P03"})
# data_exception, which SQLAlchemy's dialect leaves without a class of its own: a NUL in a text, a number out of range.
_WRONG_VALUE = "22"
# Nobody who hangs, is stopped or is cut off keeps the others from an account for longer than this.
_LIMITS = {
    "application_name": "landfall",
    "idle_in_transaction_session_timeout": "5s",
    "lock_timeout": "5s",
    "statement_timeout": "25s",
    "jit": "off",
}
# Idleness is not noticed of one who fell silent between the parsing of a statement and its execution.
_LIMIT_TRANSACTIONS = "SET transaction_timeout = '10s'"
_KNOWS_TRANSACTION_TIMEOUT = 17
UNREACHABLE = (OSError, TimeoutError, ssl.SSLError, asyncpg.PostgresError, asyncpg.InterfaceError, NoConnectionFree)


class PostgresDatabase(Database):
    """A pool of connections; every commit waits for the disk as far as the server's own settings say so.

    The URL is read by asyncpg, as libpq reads it: `?sslmode=verify-full&sslrootcert=…` asks for TLS, any parameter that
    libpq does not know (`search_path=landfall`) is set for the session.
    """

    def __init__(self, url: str, *, pool_size: int, keeps_plans: bool = False) -> None:
        """Open nothing yet; `keeps_plans` for who asks little but by ids and due times.

        A plan that is kept stays as it was made, maybe while tables were small, until the server analyzes them again.
        """
        planning = "auto" if keeps_plans else "force_custom_plan"
        engine = open_engine(url, pool_size=pool_size, plan_cache_mode=planning)
        self._writer = engine
        # Each of its queries is a transaction of its own, without a BEGIN and a COMMIT around it.
        self._glancer = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._reader = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction, up to five times in six seconds where another one was in its way."""
        return await _patiently(self._writer, work)

    async def stroke(self, work: Callable[[Connection], T]) -> T:
        """Run `work`, whose one statement is a transaction of its own: a round trip where `write` takes three."""
        return await _patiently(self._glancer, work)

    async def glance(self, work: Callable[[Connection], T]) -> T:
        """Run `work` without a transaction around it."""
        return await _patiently(self._glancer, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on one snapshot."""
        return await _patiently(self._reader, work)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._writer.dispose()


class _TryAgain(DatabaseUnavailable):
    pass


def open_engine(url: str, *, pool_size: int = 0, at_length: bool = False, **settings: str) -> AsyncEngine:
    """Connections to one database, at most `pool_size` (0: none is kept); `settings` are the sessions' own.

    `at_length` waits for a statement however long it takes.
    """
    limits = _LIMITS | ({"statement_timeout": "0"} if at_length else {}) | settings

    async def connect() -> "asyncpg.Connection[Any]":
        try:
            connection = await asyncpg.connect(
                url,
                timeout=_CONNECT_SECONDS,
                command_timeout=None if at_length else _ANSWER_SECONDS,
                server_settings=limits,
            )
            if not at_length and connection.get_server_version().major >= _KNOWS_TRANSACTION_TIMEOUT:
                await connection.execute(_LIMIT_TRANSACTIONS)
            return connection  # noqa: TRY300 - what follows is about a URL that cannot be read
        except (OSError, asyncpg.InterfaceError):
            raise
        except (ValueError, OverflowError):
            # Its words may quote the password.
            raise SettingsError(WRITE_IT) from None

    pool: dict[str, Any] = {"pool_size": pool_size, "max_overflow": 0, "pool_timeout": _POOL_SECONDS}
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        hide_parameters=True,
        **(pool if pool_size else {"poolclass": NullPool}),
    )


async def write_at_length(url: str, work: Callable[[Connection], T]) -> T:
    """Run `work`, which may take hours, in one transaction of a session of its own. Raises DatabaseUnavailable."""
    engine = open_engine(url, at_length=True, idle_in_transaction_session_timeout="0")
    try:
        return await _transaction(engine, work)
    finally:
        await engine.dispose()


async def _patiently(engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
    end = asyncio.get_running_loop().time() + _TRYING_SECONDS
    for tried in range(1, _TRIES):
        try:
            return await _transaction(engine, work)
        except _TryAgain:
            if asyncio.get_running_loop().time() > end:
                raise
            await asyncio.sleep(_PAUSE_SECONDS * tried)
    return await _transaction(engine, work)


async def _transaction(engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
    worked = False
    try:
        async with engine.begin() as connection:
            try:
                result = await connection.run_sync(work)
            except TimeoutError:
                await connection.invalidate()
                raise
            worked = True
            return result
    except DBAPIError as error:
        if isinstance(error, MISTAKES) or _state_of(error).startswith(_WRONG_VALUE):
            raise
        # A connection of the pool that had broken before: nothing was committed on it, unless by a stroke, which is fenced.
        again = was_in_the_way(error) or (error.connection_invalidated and not worked)
        raise (_TryAgain if again else DatabaseUnavailable)(reason_of(error.orig or error)) from error
    except UNREACHABLE as error:
        raise DatabaseUnavailable(reason_of(error)) from error


def was_in_the_way(error: DBAPIError) -> bool:
    """Whether the transaction was undone for the sake of another one: it may be tried again."""
    return _state_of(error) in _IN_THE_WAY


def _state_of(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


def reason_of(error: BaseException) -> str:
    """What went wrong in the driver's words, on one line."""
    cause = error.__cause__ or error
    words = getattr(cause, "strerror", None) or str(cause) or "no answer in time"
    return " ".join(words.split())
