"""Polls reports that no export waits for any more, so that their slots come free when the vendor is done with them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection

from landfall.database import accounts, admission, ledger, orphans
from landfall.database.clock import read_clock
from landfall.database.connection import Database
from landfall.database.orphans import Orphan
from landfall.exports.errors import ExportError, ReportLost
from landfall.exports.job import ExportJob
from landfall.log import get_logger
from landfall.tracing import of_export
from landfall.tracing.spans import within
from landfall.vendors.vendor import Finished
from worker.duty import Duty
from worker.line import Line

_INTERVAL_SECONDS = 2.0
_AGAIN = timedelta(seconds=30)
_BATCH = 20
_log = get_logger(__name__)


class Orphanage:
    """Asks for each orphan now and then until the vendor says that it has ended."""

    def __init__(
        self,
        database: Database,
        lines: Mapping[str, Line],
        send: Callable[[list[ExportJob]], Awaitable[None]],
        duty: Duty,
    ) -> None:
        """`send` sends the steps of the exports that an orphan's slot goes to."""
        self._database = database
        self._lines = lines
        self._send = send
        self._duty = duty

    async def poll_forever(self) -> None:
        """Poll what is due, again and again, where that is this worker's duty. Raises DatabaseUnavailable."""
        while True:
            if await self._duty.is_ours():
                for orphan in await self._database.read(partial(orphans.find_due, limit=_BATCH)):
                    await self._poll(orphan)
            await asyncio.sleep(_INTERVAL_SECONDS)

    async def _poll(self, orphan: Orphan) -> None:
        line = self._lines.get(orphan.account)
        job = await self._database.write(partial(_claim, orphan=orphan))
        if line is None or job is None:
            return
        try:
            with within(of_export.life(job)):
                built = isinstance(await line.vendor.report_status(job), Finished)
            ended = built
        except ReportLost:
            built, ended = False, True
        except ExportError as error:
            _log.warning("an orphan could not be polled", account=orphan.account, error=error.code)
            return
        if ended:
            await self._send(await self._database.write(partial(_let_go, orphan=orphan, built=built)))
            _log.info("an orphan has ended", account=orphan.account, export=orphan.export_id, built=built)


def _claim(connection: Connection, orphan: Orphan) -> ExportJob | None:
    if not orphans.put_off(connection, orphan, read_clock(connection) + _AGAIN):
        return None
    job = ledger.find(connection, orphan.export_id)
    return job and replace(job, report_id=orphan.report_id)


def _let_go(connection: Connection, orphan: Orphan, *, built: bool) -> list[ExportJob]:
    # The account first, as everywhere: a start that adopts the orphan holds it already.
    throttle, now = accounts.lock(connection, orphan.account)
    if not orphans.end(connection, orphan, now=now, built=built):
        return []
    return admission.admit_next(connection, orphan.account, (throttle, now))
