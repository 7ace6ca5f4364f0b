"""Looks at every part that an export needs."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.fresh import Fresh
from api.schemas.health import CheckView, Part, Readiness
from landfall.database import workers
from landfall.database.clock import read_clock
from landfall.database.connection import Database, DatabaseUnavailable
from landfall.database.revision import HEAD, current, objection
from landfall.exports.errors import ExportError
from landfall.log import get_logger
from landfall.storage.store import Store

LONGEST_SECONDS = 2.0
_NEEDED_TO_ACCEPT: tuple[Part, ...] = ("database", "schema")
_PROBE = "readiness/none.csv"
_log = get_logger(__name__)
Check = Callable[[], Coroutine[Any, Any, CheckView]]


@dataclass(frozen=True, slots=True)
class Room:
    """How much the store's disk has left, None where it names no limit or was not reached, and what is to stay free."""

    free_bytes: int | None
    reserve_bytes: int


class Readying:
    """Checks the parts at most once a second; one that does not answer within LONGEST_SECONDS counts as missing."""

    def __init__(self, database: Database, redis: Redis, store: Store, *, reserve_bytes: int) -> None:
        """A store with less room than `reserve_bytes` lets downloads wait."""
        self._database = database
        self._redis = redis
        self._store = store
        self.room = Room(None, reserve_bytes)
        self._checks: Mapping[Part, Check] = {
            "database": self._look_at_database,
            "schema": self._look_at_schema,
            "redis": self._look_at_redis,
            "store": self._look_at_store,
            "workers": self._look_at_workers,
        }
        self._running: dict[Part, asyncio.Task[CheckView]] = {}
        self._found = Fresh(self._look)

    async def get(self) -> Readiness:
        """How everything stands."""
        return await self._found.get()

    async def _look(self) -> Readiness:
        # A check that hangs is left to itself and awaited again: a second one would only hang beside it.
        for part, check in self._checks.items():
            if part not in self._running:
                self._running[part] = asyncio.create_task(check())
        await asyncio.wait(self._running.values(), timeout=LONGEST_SECONDS)
        found = {part: self._taken(part) for part in self._checks}
        if not all(found[part].ok for part in _NEEDED_TO_ACCEPT):
            return Readiness(status="unavailable", checks=found)
        return Readiness(status="ready" if all(each.ok for each in found.values()) else "degraded", checks=found)

    def _taken(self, part: Part) -> CheckView:
        task = self._running[part]
        if not task.done():
            return CheckView(ok=False, detail=f"no answer within {LONGEST_SECONDS:g} s")
        del self._running[part]
        return task.result()

    async def _look_at_database(self) -> CheckView:
        try:
            await self._database.glance(read_clock)
        except DatabaseUnavailable as error:
            return _missing("database", "does not answer: check LANDFALL_DATABASE_URL and the server", error)
        return CheckView(ok=True, detail="answers")

    async def _look_at_schema(self) -> CheckView:
        try:
            found = await self._database.read(current)
        except DatabaseUnavailable:
            return CheckView(ok=False, detail="not known: the database does not answer")
        wrong = objection(found)
        return CheckView(ok=wrong is None, detail=wrong or f"suits revision {HEAD}")

    async def _look_at_redis(self) -> CheckView:
        try:
            await self._redis.ping()
        except (RedisError, OSError) as error:
            return _missing("redis", "does not answer: exports are accepted and go on when it does", error)
        return CheckView(ok=True, detail="answers")

    async def _look_at_store(self) -> CheckView:
        reserve = self.room.reserve_bytes
        self.room = Room(None, reserve)
        try:
            free = await asyncio.to_thread(self._reach_store)
        except ExportError as error:
            return _missing("store", "cannot be reached: check LANDFALL_STORAGE_URL; the API's log says more", error)
        self.room = Room(free, reserve)
        if free is not None and free < reserve:
            return CheckView(ok=False, detail="has less room than LANDFALL_STORAGE_RESERVE_BYTES: downloads wait")
        return CheckView(ok=True, detail="can be reached")

    def _reach_store(self) -> int | None:
        self._store.stat(self._store.uri(_PROBE))
        return self._store.free_bytes()

    async def _look_at_workers(self) -> CheckView:
        try:
            crew = await self._database.read(workers.crew)
        except DatabaseUnavailable:
            return CheckView(ok=False, detail="not known: the database does not answer")
        if not crew.workers:
            seconds = workers.SILENT_AFTER.total_seconds()
            return CheckView(ok=False, detail=f"none was heard of for {seconds:g} s: start `landfall worker`")
        return CheckView(ok=True, detail=f"{crew.workers} alive, {crew.running} steps running")


def _missing(part: str, detail: str, error: Exception) -> CheckView:
    """The reason may name addresses: it is for the log, not for whoever asks without a key."""
    _log.warning("a part is missing", part=part, error=type(error).__name__, reason=str(error))
    return CheckView(ok=False, detail=detail)
