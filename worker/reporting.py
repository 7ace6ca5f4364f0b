"""Tells the other processes, through the database, that this worker lives and what it has done."""

import asyncio
from functools import partial

from landfall import __version__
from landfall.database import workers
from landfall.database.connection import Database, DatabaseUnavailable
from landfall.log import get_logger
from worker.duty import Duty
from worker.leases import Leases
from worker.metrics import Metrics

_FORGET_SECONDS = 60.0
_TICK_SECONDS = 1.0
_TICKS = round(workers.REPORT_SECONDS / _TICK_SECONDS)
_log = get_logger(__name__)


class Reporting:
    """Writes this worker's row again and again; one whose database is away goes on and writes it later."""

    def __init__(self, database: Database, duty: Duty, leases: Leases, metrics: Metrics) -> None:
        """Write nothing yet."""
        self._database = database
        self._duty = duty
        self._leases = leases
        self._metrics = metrics
        self._heard = True

    async def report_forever(self) -> None:
        """Report at once and every REPORT_SECONDS, and see meanwhile how late the event loop wakes up."""
        loop = asyncio.get_running_loop()
        while True:
            await self._report()
            for _ in range(_TICKS):
                due = loop.time() + _TICK_SECONDS
                await asyncio.sleep(_TICK_SECONDS)
                self._metrics.woke_late(max(0.0, loop.time() - due))

    async def forget_forever(self) -> None:
        """Remove the rows of workers that are long silent, where that is this worker's duty. Raises DatabaseUnavailable."""
        while True:
            if await self._duty.is_ours() and (gone := await self._database.write(workers.forget_silent)):
                _log.info("silent workers were forgotten", count=gone)
            await asyncio.sleep(_FORGET_SECONDS)

    async def leave(self) -> None:
        """Remove this worker's row. Raises DatabaseUnavailable."""
        await self._database.write(partial(workers.leave, worker_id=self._duty.holder))

    async def _report(self) -> None:
        said = workers.Report(self._duty.holder, __version__, self._leases.running, self._metrics.text())
        try:
            await self._database.stroke(partial(workers.report, said=said))
        except DatabaseUnavailable as error:
            if self._heard:
                _log.warning("this worker was not reported", reason=str(error))
            self._heard = False
        else:
            self._heard = True
