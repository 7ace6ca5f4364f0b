"""Counts what happens to exports into the tallies of each hour, a second or two after it happened."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial

from landfall.database import following, tallying
from landfall.database.connection import Database
from landfall.database.following import Mark
from landfall.log import get_logger
from worker.duty import Duty

_EVERY_SECONDS = 2.0
# A transaction may run on the event loop's thread, and to write what so many events come to takes some milliseconds.
_AT_ONCE = 1000
# Who catches up on years leaves the others at least as much time as it takes.
_PAUSE_SECONDS = 0.05
_FORGET_SECONDS = 3600.0
_log = get_logger(__name__)


class Tallying:
    """Counts in the worker whose duty the sweep is; two that count at once do no harm, for one of them moves the mark."""

    def __init__(
        self, database: Database, duty: Duty, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Count nothing yet."""
        self._database = database
        self._duty = duty
        self._sleep = sleep
        self._mark: Mark | None = None

    async def tally_forever(self) -> None:
        """Count what is new every two seconds. Raises DatabaseUnavailable."""
        self._mark = None
        forgets_at = time.monotonic()
        while True:
            if not self._duty.held:
                self._mark = None
            else:
                await self.catch_up()
                if time.monotonic() >= forgets_at:
                    await self._forget()
                    forgets_at = time.monotonic() + _FORGET_SECONDS
            await self._sleep(_EVERY_SECONDS)

    async def catch_up(self) -> int:
        """Count all events that are new and can be; returns how many transactions that took. Raises DatabaseUnavailable."""
        written = 0
        while self._duty.held and await self._count_some():
            written += 1
            await self._sleep(_PAUSE_SECONDS)
        return written

    async def _count_some(self) -> bool:
        """Count a transaction's worth of events; False where no more are known to come after them."""
        mark, self._mark = self._mark, None
        if mark is None:
            mark = await self._database.read(partial(tallying.resume, now=time.monotonic()))
        if await self._database.glance(following.newest) <= mark.id:
            self._mark = mark
            return False
        counting = partial(tallying.count, mark=mark, now=time.monotonic(), limit=_AT_ONCE)
        counted = await self._database.read(counting)
        if counted.after.id > mark.id and not await self._database.write(partial(tallying.write, counted=counted)):
            _log.info("another worker counts the events")
            return False
        self._mark = counted.after
        return counted.full

    async def _forget(self) -> None:
        while self._duty.held and await self._database.write(tallying.forget_oldest):
            await self._sleep(_PAUSE_SECONDS)
