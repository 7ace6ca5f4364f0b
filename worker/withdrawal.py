"""Takes back what was published for an export that was cancelled in the very moment of its publication."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial

from landfall.database import ledger, lives
from landfall.database.connection import Database, DatabaseUnavailable
from landfall.exports.errors import ExportError
from landfall.exports.job import ExportJob
from landfall.exports.states import State
from landfall.log import get_logger
from landfall.storage.adoption import is_published, remove_published
from worker.shelf import Shelf

_EVERY_SECONDS = 60.0
_WITHIN = timedelta(hours=1)
# By then a worker that lives has seen to it itself.
_BUT = timedelta(minutes=1)
_log = get_logger(__name__)


async def withdraw(database: Database, job: ExportJob, shelf: Shelf) -> bool:
    """Remove the file of a download whose export is cancelled by now; where another life has begun it is left to that.

    Its name is given up first, in the row: a life that begins meanwhile publishes under another one, and what is removed
    is nobody's, however long that takes. False where any of it could not be done.
    """
    try:
        stands = await database.read(partial(ledger.find, export_id=job.id))
        if stands and stands.state is State.CANCELLED and await _has_file(stands, shelf):
            await database.write(partial(lives.give_up_name, job=stands))
            stands = await database.read(partial(ledger.find, export_id=job.id))
        removed = stands is not None and await _clear(stands, shelf)
    except (ExportError, DatabaseUnavailable) as error:
        _log.warning("what a cancelled export had published may be left", export=job.id, reason=str(error))
        return False
    if removed:
        _log.info("the file of a cancelled export was removed", export=job.id)
    return True


async def _has_file(job: ExportJob, shelf: Shelf) -> bool:
    looking = partial(is_published, shelf.store, shelf.key_of(job), job.id, newest=job.generation)
    return await asyncio.to_thread(looking)


async def _clear(job: ExportJob, shelf: Shelf) -> bool:
    """Remove what lies under the names that the export has given up; False where there is nothing."""
    found = False
    for name in shelf.names_given_up(job):
        removing = partial(remove_published, shelf.store, name, job.id, newest=job.generation)
        found = await asyncio.to_thread(removing) or found
    return found


class Withdrawal:
    """Does the same for workers that ended between a publication and its settlement."""

    def __init__(
        self, database: Database, shelves: Mapping[str, Shelf], is_ours: Callable[[], Awaitable[bool]]
    ) -> None:
        """Look on the shelves of these accounts, by name; `is_ours` says whether that is this worker's duty."""
        self._database = database
        self._shelves = shelves
        self._is_ours = is_ours
        self._seen: set[tuple[str, int]] = set()

    async def withdraw_forever(self) -> None:
        """Look every minute. Raises DatabaseUnavailable."""
        while True:
            if await self._is_ours():
                await self.round()
            await asyncio.sleep(_EVERY_SECONDS)

    async def round(self) -> None:
        """Look after each export that was cancelled within the hour, once. Raises DatabaseUnavailable."""
        jobs = await self._database.read(partial(lives.cancelled_downloads, within=_WITHIN, but=_BUT))
        self._seen &= {(job.id, job.version) for job in jobs}
        for job in jobs:
            shelf = self._shelves.get(job.account)
            if shelf and (job.id, job.version) not in self._seen and await withdraw(self._database, job, shelf):
                self._seen.add((job.id, job.version))
