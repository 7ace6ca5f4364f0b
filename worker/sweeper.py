"""Sends the due step of every export that nobody else is about to run: dispatch, late retry and rescue are one act."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from redis.exceptions import RedisError
from sqlalchemy import Connection

from landfall import failpoints
from landfall.database import admission, ledger
from landfall.database.clock import read_clock
from landfall.database.connection import Database, DatabaseUnavailable
from landfall.database.settlements import Settlement
from landfall.exports.job import ExportJob
from landfall.exports.policy import Policy
from landfall.log import get_logger
from landfall.tracing import of_export
from worker.duty import Duty
from worker.leases import Leases
from worker.metrics import Metrics
from worker.queue import Message, Standing, StepQueue
from worker.settlement import write_rescue

_BATCH = 500
# A row may become visible so long after the moment that it says.
_LATE_COMMIT = timedelta(seconds=0.1)
_MANY_RUNNING = 200
# To look at the head of a long queue takes as long as polling for ten exports.
_PRUNE_SECONDS = 10.0
# A transaction runs on the event loop's thread, and a rescue takes a millisecond of it.
_RESCUES_AT_ONCE = 20
_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Overdue:
    """An export whose step is due, and how the message for it stands."""

    job: ExportJob
    standing: Standing


class Sweeper:
    """Looks for overdue exports: at all of them where that is its worker's duty, else at those that a bell tells of.

    The duty only spares the others the work: two that sweep at once, because one of them was held up, do no harm.
    """

    def __init__(
        self,
        database: Database,
        queue: StepQueue,
        leases: Leases,
        policies: Mapping[str, Policy],
        duty: Duty,
        *,
        metrics: Metrics | None = None,
        announce: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """Take a step from its worker when nothing was heard of it for a lease's length.

        `policies` are the accounts', by name. `announce` hands out the news that webhooks have yet to be told.
        """
        self._database = database
        self._queue = queue
        self._leases = leases
        self._policies = policies
        self._duty = duty
        self._metrics = metrics or Metrics()
        self._announce = announce
        self._looked_at: datetime | None = None
        self._prunes_at = -math.inf
        self._was_away = False
        self._believes_from: datetime | None = None

    async def round(self) -> None:
        """Look after everything, or only note the time where another worker does. Raises as `sweep` does."""
        try:
            await self._look_after_everything()
        except DatabaseUnavailable:
            self._was_away = True
            raise

    async def _look_after_everything(self) -> None:
        if await self._duty.is_ours():
            await self.admit()
            try:
                await self._look_after_messages()
            except (RedisError, OSError):
                await self._tell_the_news()  # webhooks need no Redis
                raise
            await self._tell_the_news()
        else:
            self._note_look(await self._database.glance(read_clock))

    async def _look_after_messages(self) -> None:
        if time.monotonic() >= self._prunes_at:
            await self.prune()
            self._prunes_at = time.monotonic() + _PRUNE_SECONDS
        await self.sweep()

    async def _tell_the_news(self) -> None:
        if self._announce:
            await self._announce()

    def _note_look(self, now: datetime) -> None:
        """While the database was away nobody could renew a lease: all get a lease's length to be heard of again."""
        self._looked_at = now
        if self._was_away:
            self._was_away, self._believes_from = False, now + self._leases.length

    async def sweep(self, *, all_overdue: bool = True) -> int:
        """Look once; returns how many steps were sent. Raises DatabaseUnavailable, RedisError or OSError.

        Without `all_overdue` only at what became due since the last look: under load many wait for a worker, and to
        look at all of them each time that one more comes would leave no time to run them.
        """
        since = None if all_overdue or self._looked_at is None else self._looked_at - _LATE_COMMIT
        found, now = await self._database.read(partial(ledger.find_overdue, limit=_BATCH, since=since))
        self._note_look(now)
        jobs = [job for job in found if not self._leases.is_held(job)]
        if not jobs:
            return 0
        standings = await self._queue.standings([_message(job).id for job in jobs])
        overdue = [Overdue(job, standings[_message(job).id]) for job in jobs]
        lost = await self._lost(overdue, now)
        ready = [each.job for each in overdue if each.standing is Standing.ABSENT and not each.job.leased]
        if ready:
            # A payload that outlived its place in the queue would make arq refuse the message, silently.
            await self._queue.forget([_message(job).id for job in ready])
        if lost:
            ready += await self._rescue(lost)
        await self._queue.send([_message(job) for job in ready])
        return len(ready)

    async def prune(self) -> None:
        """Forget messages of dead workers: in great number, at the head of the queue, they hide new work."""
        running = await self._queue.oldest_running()
        if len(running) < _MANY_RUNNING:
            return
        versions = await self._database.read(partial(ledger.versions, export_ids={each.export_id for each in running}))
        dead = [each.id for each in running if versions.get(each.export_id) not in (each.version, each.version + 1)]
        if dead:
            await self._queue.forget(dead)
            _log.warning("dead messages were removed", count=len(dead))

    async def admit(self) -> None:
        """Fill slots that came free without a settlement: a block or a hold that ended, a limit that was raised."""
        names = await self._database.read(admission.accounts_with_room)
        for name in names:
            await self._admit_all(name)

    async def _admit_all(self, account: str) -> None:
        admitted = admission.MOST_AT_ONCE
        while admitted >= admission.MOST_AT_ONCE:
            admitted = len(await self._database.write(partial(admission.admit_next, account=account)))
            await asyncio.sleep(0)

    async def _lost(self, overdue: Sequence[Overdue], now: datetime) -> list[ExportJob]:
        """Steps whose lease ran out, and those that a message runs for a lease's length without word of them."""
        if self._believes_from and now < self._believes_from:
            return []
        leased = [each.job for each in overdue if each.job.leased]
        running = [each.job for each in overdue if each.standing is Standing.RUNNING and not each.job.leased]
        silent = [job for job in running if job.due_at and now - job.due_at > self._leases.length]
        if not silent:
            return leased
        # One that waited long in the queue may have been taken just now.
        ran = await self._queue.running_seconds([_message(job).id for job in silent])
        patience = self._leases.length.total_seconds()
        return leased + [job for job, seconds in zip(silent, ran, strict=True) if seconds > patience]

    async def _rescue(self, jobs: Sequence[ExportJob]) -> list[ExportJob]:
        """Rescue each account's by themselves: who holds the lock of one account waits for no other's."""
        of_account: dict[str, list[ExportJob]] = {}
        # In the order in which leases are renewed, lest the two wait for each other.
        for job in sorted(jobs, key=lambda job: job.id):
            of_account.setdefault(job.account, []).append(job)
        due: list[ExportJob] = []
        for lost in of_account.values():
            for start in range(0, len(lost), _RESCUES_AT_ONCE):
                due += await self._rescue_some(lost[start : start + _RESCUES_AT_ONCE])
        return due

    async def _rescue_some(self, jobs: Sequence[ExportJob]) -> list[ExportJob]:
        def work(connection: Connection) -> list[Settlement]:
            length = self._leases.length
            written = [write_rescue(connection, job, self._policies.get(job.account, Policy()), length) for job in jobs]
            return [settlement for settlement in written if settlement]

        rescued = await self._database.write(work)
        failpoints.reach("sweep.rescued")
        # The silent worker may have taken the step under its claim's version or under the one before.
        await self._queue.forget([f"{job.id}:{job.version - back}" for job in jobs for back in (0, 1)])
        for each in rescued:
            self._metrics.rescued(each.event.step, each.job)
            of_export.ended(each.job)
            _log.warning("a step was rescued", export=each.job.id, state=each.job.state, attempt=each.event.attempt)
        jobs_of = ((each, job) for each in rescued for job in (each.job, *each.admitted))
        return [job for each, job in jobs_of if job.due_at and job.due_at <= each.at]


def _message(job: ExportJob) -> Message:
    message = Message.of(job, 0.0)
    if message is None:
        raise ValueError(f"export {job.id} is {job.state} and has a due time")
    return message
