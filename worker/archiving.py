"""Archives exports that ended longer ago than the settings want them listed."""

import asyncio
from collections.abc import Collection
from datetime import timedelta
from functools import partial

from landfall.database import archive, following, tallying
from landfall.database.archive import Place
from landfall.database.connection import Database
from landfall.log import get_logger
from worker.duty import Duty

_EVERY_SECONDS = 3600.0
_LOOK_SECONDS = 60.0
_COUNTING_SECONDS = 1.0
_LOOKED_AT_ONCE = 1000
# A transaction may run on the event loop's thread, and an export takes a third of a millisecond of it.
_MOVED_AT_ONCE = 20
_PAUSE_SECONDS = 0.05
_log = get_logger(__name__)


class Archiving:
    """Looks through the oldest exports once an hour, in the worker whose duty the sweep is."""

    def __init__(self, database: Database, duty: Duty, history: timedelta, judged: Collection[str]) -> None:
        """Archive what ended longer ago than `history`; kept files of the `judged` accounts keep theirs listed."""
        self._database = database
        self._duty = duty
        self._history = history
        self._judged = judged

    async def archive_forever(self) -> None:
        """Look soon after the duty has come, then every hour. Raises DatabaseUnavailable."""
        loop = asyncio.get_running_loop()
        next_round = loop.time()
        while True:
            if loop.time() >= next_round and await self._duty.is_ours():
                await self._wait_for_the_count()
                await self.round()
                next_round = loop.time() + _EVERY_SECONDS
            await asyncio.sleep(_LOOK_SECONDS)

    async def _wait_for_the_count(self) -> None:
        """Wait until what has happened so far is counted: what is not stays where it is."""
        newest = await self._database.glance(following.newest)
        while await self._duty.is_ours() and await self._database.glance(tallying.reached) < newest:  # noqa: ASYNC110 - another task counts, maybe in another process
            await asyncio.sleep(_COUNTING_SECONDS)

    async def round(self) -> int:
        """Look through all that is old enough; returns how many were archived. Raises DatabaseUnavailable."""
        moved, place = 0, None
        more = True
        while more and await self._duty.is_ours():
            place, count = await self._some(place)
            moved += count
            more = place is not None
        if moved:
            _log.info("old exports were archived", count=moved)
        return moved

    async def _some(self, after: Place | None) -> tuple[Place | None, int]:
        looking = partial(
            archive.find_old, history=self._history, after=after, judged=self._judged, limit=_LOOKED_AT_ONCE
        )
        found = await self._database.read(looking)
        moved = 0
        for start in range(0, len(found.ids), _MOVED_AT_ONCE):
            ids = found.ids[start : start + _MOVED_AT_ONCE]
            moved += await self._database.write(partial(archive.move, export_ids=ids))
            await asyncio.sleep(_PAUSE_SECONDS)
        return found.last, moved
