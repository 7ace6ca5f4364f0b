"""Keeps the leases of running steps alive, so that only a silent worker loses one."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial

from landfall import failpoints
from landfall.database import ledger
from landfall.database.connection import Database, DatabaseUnavailable
from landfall.database.ledger import Lease
from landfall.exports.job import ExportJob
from landfall.log import get_logger

_log = get_logger(__name__)


class Leases:
    """The steps that run in this process."""

    def __init__(self, database: Database, length: timedelta) -> None:
        """Hold none yet; each lease lasts `length` beyond its last renewal."""
        self._database = database
        self.length = length
        self._held: set[Lease] = set()

    @contextmanager
    def held(self, export_id: str, version: int, *, leased: bool) -> Iterator[None]:
        """Renew the lease of an export at this version, or where it has none say that its step runs, for a block."""
        lease = Lease(export_id, version, leased)
        self._held.add(lease)
        try:
            yield
        finally:
            self._held.discard(lease)

    def is_held(self, job: ExportJob) -> bool:
        """Whether the export's step runs in this process at this moment."""
        return Lease(job.id, job.version, job.leased) in self._held

    async def renew_forever(self) -> None:
        """Renew all of them three times in a lease's length."""
        while True:
            await asyncio.sleep(self.length.total_seconds() / 3)
            if not self._held:
                continue
            failpoints.reach("lease.renewal")
            held = tuple(self._held)
            try:
                await self._database.write(partial(ledger.renew, held=held, length=self.length))
            except DatabaseUnavailable as error:
                _log.warning("leases were not renewed", reason=str(error), steps=len(held))
