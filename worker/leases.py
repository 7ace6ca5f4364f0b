"""Keeps the leases of running steps alive, so that only a silent worker loses one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from functools import partial

import stamina

from landfall import failpoints
from landfall.database import ledger
from landfall.database.connection import Database, DatabaseUnavailable
from landfall.database.ledger import Lease
from landfall.exports.errors import LeaseLost
from landfall.exports.job import ExportJob
from landfall.log import get_logger

# A cancelled download shall stop within seconds, however long a lease is.
_LONGEST_SECONDS = 5.0
_TAKEN = "the export was cancelled, or another worker took its step, while it ran here"
_log = get_logger(__name__)
_until_answered = stamina.AsyncRetryingCaller(attempts=None, timeout=None, wait_max=5.0).on(DatabaseUnavailable)


class Leases:
    """The steps that run in this process."""

    def __init__(self, database: Database, length: timedelta) -> None:
        """Hold none yet; each lease lasts `length` beyond its last renewal."""
        self._database = database
        self.length = length
        self._held: set[Lease] = set()
        self._scopes: dict[Lease, asyncio.Timeout] = {}

    @contextmanager
    def held(self, export_id: str, version: int, *, leased: bool) -> Iterator[None]:
        """Renew the lease of an export at this version, or where it has none say that its step runs, for a block."""
        lease = Lease(export_id, version, leased)
        self._held.add(lease)
        try:
            yield
        finally:
            self._held.discard(lease)

    @asynccontextmanager
    async def until_lost(self, job: ExportJob) -> AsyncIterator[None]:
        """Run a block that is cut short once the export's lease is found to be lost. Raises LeaseLost."""
        lease = Lease(job.id, job.version, job.leased)
        scope = self._scopes[lease] = asyncio.timeout(None)
        try:
            async with scope:
                yield
        except TimeoutError:
            if scope.expired():
                raise LeaseLost(_TAKEN) from None
            raise
        finally:
            self._scopes.pop(lease, None)

    async def check(self, job: ExportJob) -> None:
        """Raise LeaseLost unless the export still stands as this worker has it; waits while the database is away."""
        stand = await _until_answered(self._database.glance, partial(ledger.versions, export_ids=[job.id]))
        if stand.get(job.id) != job.version:
            raise LeaseLost(_TAKEN)

    @property
    def running(self) -> int:
        """How many steps run in this process at this moment."""
        return len(self._held)

    def is_held(self, job: ExportJob) -> bool:
        """Whether the export's step runs in this process at this moment."""
        return Lease(job.id, job.version, job.leased) in self._held

    async def renew_forever(self) -> None:
        """Renew all of them three times in a lease's length, or more often."""
        while True:
            await asyncio.sleep(min(self.length.total_seconds() / 3, _LONGEST_SECONDS))
            if not self._held:
                continue
            failpoints.reach("lease.renewal")
            held = tuple(self._held)
            try:
                lost = await self._database.write(partial(ledger.renew, held=held, length=self.length))
            except DatabaseUnavailable as error:
                _log.warning("leases were not renewed", reason=str(error), steps=len(held))
                continue
            self._cut_short(lost)

    def _cut_short(self, lost: list[Lease]) -> None:
        for lease in lost:
            # Once only: a block that is being cut short cannot be cut again.
            scope = self._scopes.pop(lease, None)
            if scope:
                scope.reschedule(asyncio.get_running_loop().time())
