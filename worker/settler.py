"""Writes what steps came to, however long the database is away."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

import stamina
from sqlalchemy import Connection

from landfall.database import ledger
from landfall.database.connection import Database, DatabaseUnavailable
from landfall.database.settlements import Settlement
from landfall.exports.job import ExportJob
from landfall.exports.outcomes import Outcome, Retrying, leads_to_a_poll
from landfall.exports.policy import Policy
from landfall.exports.states import IllegalMoveError, Step
from landfall.log import get_logger
from worker.line import Line
from worker.reasons import INTERNAL_ERROR
from worker.schedules import Schedules
from worker.settlement import settle_wait, write_hand_back, write_outcome
from worker.taking import Seen, Taken
from worker.withdrawal import withdraw

_log = get_logger(__name__)
T = TypeVar("T")
_until_written = stamina.AsyncRetryingCaller(attempts=None, timeout=None, wait_max=5.0).on(DatabaseUnavailable)


class Settler:
    """Settles outcomes by the policies of their accounts."""

    def __init__(self, database: Database, lines: Mapping[str, Line]) -> None:
        """Serve the accounts of `lines`, by name."""
        self._database = database
        self._lines = lines
        self._schedules = Schedules(database)

    async def hand_back(self, job: ExportJob) -> bool:
        """Return a step that was cut short before it did anything; False where the export has moved on."""
        return await self._write(partial(write_hand_back, job=job))

    async def withdraw(self, step: Step, job: ExportJob) -> None:
        """Leave nothing in the store of a download that came late."""
        line = self._lines.get(job.account)
        if step is Step.DOWNLOAD and line:
            await withdraw(self._database, job, line.shelf)

    async def settle_or_withdraw(self, step: Step, taken: Taken, outcome: Outcome, seconds: float) -> Settlement | None:
        """Settle what a step came to; None where it came late, and then nothing of it is left."""
        settlement = await self.settle(taken.job, outcome, seconds, taken.seen)
        if settlement is None:
            await self.withdraw(step, taken.job)
        return settlement

    async def settle(
        self, job: ExportJob, outcome: Outcome, seconds: float, seen: Seen | None = None
    ) -> Settlement | None:
        """Settle an outcome; `seen` is how the account stood, where the step was only looked at. None where it came late."""
        line = self._lines.get(job.account)
        policy = line.policy if line else Policy()
        if leads_to_a_poll(outcome):
            policy = await self._schedules.into(policy, job)
        # Most settlements are of polls that found nothing: they need no look at the account and no lock on it.
        now = seen.moment() if seen else None
        if seen and now and (wait := settle_wait(job, outcome, policy, seen.throttle, now=now)):
            saving = partial(ledger.save_by_itself, before=job, settled=wait, at=now, seconds=seconds)
            written = await self._write(saving, by_itself=True)
            return Settlement(wait.job, wait.event, [], now) if written else None
        settling = partial(write_outcome, job=job, policy=policy, seconds=seconds)
        try:
            return await self._write(partial(settling, outcome=outcome))
        except IllegalMoveError:
            _log.exception("a step came to what the state table does not have", export=job.id)
            return await self._write(partial(settling, outcome=Retrying(INTERNAL_ERROR, unknown=True)))

    async def _write(self, work: Callable[[Connection], T], *, by_itself: bool = False) -> T:
        """However long the database is away: an outcome that is forgotten is a step done twice. The version fences it."""
        run = self._database.stroke if by_itself else self._database.write
        try:
            return await run(work)
        except DatabaseUnavailable:
            return await _until_written(run, work)
