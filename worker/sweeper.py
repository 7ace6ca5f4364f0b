"""Sends the due step of every export that nobody else is about to run: dispatch, late retry and rescue are one act."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from landfall.database import admission, ledger
from landfall.database.clock import read_clock
from landfall.database.connection import Database
from landfall.exports.job import ExportJob
from landfall.exports.settling import rescue
from landfall.log import get_logger
from worker.queue import Message, Standing, StepQueue

_BATCH = 500
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Overdue:
    """An export whose step is due, and how the message for it stands."""

    job: ExportJob
    standing: Standing


class Sweeper:
    """Looks for overdue exports; any number of workers may sweep at once."""

    def __init__(self, database: Database, queue: StepQueue, patience: timedelta) -> None:
        """Take a step from its worker when nothing was heard of it for `patience` beyond its due time."""
        self._database = database
        self._queue = queue
        self._patience = patience

    async def sweep(self) -> int:
        """Look once; returns how many steps were sent. Raises DatabaseUnavailable, RedisError or OSError."""
        jobs, now = await self._database.read(lambda connection: ledger.find_overdue(connection, _BATCH))
        if not jobs:
            return 0
        standings = await self._queue.standings([_message(job).id for job in jobs])
        overdue = [Overdue(job, standings[_message(job).id]) for job in jobs]
        lost = [each.job for each in overdue if self._is_lost(each, now)]
        ready = [each.job for each in overdue if each.standing is Standing.ABSENT and not each.job.leased]
        if lost:
            ready += await self._rescue(lost)
        await self._queue.send([_message(job) for job in ready])
        return len(ready)

    async def admit(self) -> None:
        """Fill slots that came free without a settlement (a raised limit, a restored database)."""
        await self._database.write(admission.admit_everywhere)

    def _is_lost(self, each: Overdue, now: datetime) -> bool:
        """A lease that ran out, or a message that is said to run and whose step nobody has renewed."""
        if each.job.leased:
            return True
        if each.standing is not Standing.RUNNING or each.job.due_at is None:
            return False
        return now - each.job.due_at > self._patience

    async def _rescue(self, jobs: Sequence[ExportJob]) -> list[ExportJob]:
        def work(connection: Connection) -> list[ExportJob]:
            now = read_clock(connection)
            settled = [(job, rescue(job, now=now)) for job in jobs]
            return [after.job for job, after in settled if ledger.save(connection, job, after, at=now)]

        rescued = await self._database.write(work)
        # The silent worker may have taken the step under its claim's version or under the one before.
        await self._queue.forget([f"{job.id}:{job.version - back}" for job in jobs for back in (0, 1)])
        for job in rescued:
            _log.warning("a step was rescued", export=job.id, step=job.step, attempt=job.attempts)
        return rescued


def _message(job: ExportJob) -> Message:
    message = Message.of(job, 0.0)
    if message is None:
        raise ValueError(f"export {job.id} is {job.state} and has a due time")
    return message
