"""Runs one step of one export: take it, perform it, settle it, send what is due next."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from redis.exceptions import RedisError

from landfall import failpoints
from landfall.database.connection import Database, DatabaseUnavailable
from landfall.database.settlements import Settlement
from landfall.exports.errors import ExportError
from landfall.exports.job import ExportJob
from landfall.exports.outcomes import GaveUp, Outcome, Retrying, outcome_of
from landfall.exports.settling import WORKERS_DIED, exhausted
from landfall.exports.states import Step
from landfall.log import get_logger
from landfall.tracing import of_export
from landfall.tracing.spans import current, within
from worker.leases import Leases
from worker.line import Line
from worker.metrics import Metrics
from worker.queue import Message, StepQueue
from worker.reasons import ALL_TURNS_TAKEN, INTERNAL_ERROR, STOPPED_START, SUSPECT_WAITS, account_missing
from worker.settler import Settler
from worker.steps.download import download
from worker.steps.poll import poll
from worker.steps.start import start
from worker.taking import Taken, look, take
from worker.telling import tell
from worker.uninterrupted import uninterrupted

_log = get_logger(__name__)


class Runner:
    """Runs steps. A step that comes late or twice finds that the row has moved on, and does nothing."""

    def __init__(
        self,
        database: Database,
        queue: StepQueue,
        leases: Leases,
        lines: Mapping[str, Line],
        metrics: Metrics | None = None,
    ) -> None:
        """Serve the accounts of `lines`, by name."""
        self._database = database
        self._queue = queue
        self._leases = leases
        self._lines = lines
        self._settler = Settler(database, lines)
        self.metrics = metrics or Metrics()
        self._suspects = 0

    async def run(self, message: Message) -> None:
        """Run the step if it is still the one that is due.

        Where it frees a slot the start that got it runs at once, here: a slot must not idle while a message travels.
        """
        settlement = await self._run(message)
        if settlement is None:
            return
        successor = _successor(message, settlement)
        await self._send_after(settlement, without=successor)
        if successor and (start := Message.of(successor, 0.0)):
            with within(of_export.life(successor)):
                following = await self._run(start, admitted=True)
            if following:
                await self._send_after(following)

    async def _run(self, message: Message, *, admitted: bool = False) -> Settlement | None:
        """Take the step, perform it, settle it; None where it was not ours. `admitted` says that it got its slot just now."""
        started = time.monotonic()
        try:
            taken = await self._take(message, admitted=admitted)
        except DatabaseUnavailable as error:
            _log.warning(
                "a step was not taken; the sweeper sends it again", export=message.export_id, reason=str(error)
            )
            return None
        if taken is None:
            _log.debug("a message came late", step=message.step, export=message.export_id, version=message.version)
            return None
        with within(of_export.life(taken.job)):
            return await self._carry_out(message.step, taken, started)

    async def _carry_out(self, step: Step, taken: Taken, started: float) -> Settlement | None:
        """Perform a step that is ours and settle it; `started` is when it was begun, by the monotonic clock."""
        job = taken.job
        with (
            self._leases.held(job.id, job.version, leased=job.leased),
            self._alone(taken) as waits,
            of_export.step(step, job, ago=time.monotonic() - started, runs=taken.outcome is None) as span,
        ):
            outcome = waits or await self._perform(step, taken)
            seconds = time.monotonic() - started
            settlement, cancelled = await uninterrupted(self._settler.settle_or_withdraw(step, taken, outcome, seconds))
            of_export.settled(span, outcome, settlement.job if settlement else None)
        if settlement:
            of_export.ended(settlement.job)
        failpoints.reach("step.settled", taken.job.id)
        self.metrics.settled(step, taken.job, outcome, settlement.job if settlement else None, seconds)
        tell(step, taken.job, outcome, settlement, seconds)
        await self.send_admitted(taken.admitted)
        if cancelled:
            # A stopping worker begins nothing more: the slot's next export is for another.
            if settlement:
                await self._send_after(settlement)
            raise asyncio.CancelledError
        return settlement

    async def send_admitted(self, jobs: Sequence[ExportJob]) -> None:
        """Send the starts of exports that were admitted just now."""
        if jobs:
            await self._send([(job, 0.0) for job in jobs])

    async def _send_after(self, settlement: Settlement, without: ExportJob | None = None) -> None:
        """Send what a settlement made due."""
        jobs = [job for job in (settlement.job, *settlement.admitted) if job.due_at and job is not without]
        await self._send([(job, (job.due_at - settlement.at).total_seconds()) for job in jobs if job.due_at])

    async def _send(self, due: Iterable[tuple[ExportJob, float]]) -> None:
        """Send steps, each due in so many seconds. Best effort: what is not sent now, the sweeper sends."""
        messages = [message for job, delay in due if (message := Message.of(job, delay))]
        if not messages:
            return
        try:
            await self._queue.send(messages)
        except (RedisError, OSError) as error:
            _log.warning("the next step was not sent; the sweeper will", error=type(error).__name__)

    async def _take(self, message: Message, *, admitted: bool) -> Taken | None:
        if message.step is Step.DOWNLOAD and not self._has_turn(message):
            seen = await self._database.glance(partial(look, message=message))
            return seen and replace(seen, outcome=seen.outcome or ALL_TURNS_TAKEN)
        seen = None
        if message.step is not Step.DOWNLOAD and not admitted:
            seen = await self._database.glance(partial(look, message=message))
            if seen is None or seen.outcome or (message.step is Step.POLL and not seen.probe):
                return seen
        with self._leases.held(message.export_id, message.version, leased=False):
            refused = await self._prepare(message, seen) if message.step is Step.START else None
        if refused:
            seen = await self._database.glance(partial(look, message=message))
            return seen and replace(seen, outcome=seen.outcome or refused)
        claiming = partial(take, message=message, lease=self._leases.length)
        taken, cancelled = await uninterrupted(self._database.write(claiming))
        if taken and cancelled:
            # A report that was adopted is an orphan no longer: handed back, it would be lost.
            ending = (
                self._settler.settle(taken.job, taken.outcome, 0.0)
                if taken.outcome
                else self._settler.hand_back(taken.job)
            )
            await uninterrupted(ending)
            raise asyncio.CancelledError
        return taken

    @contextmanager
    def _alone(self, taken: Taken) -> Iterator[Outcome | None]:
        """Let one suspect run at a time, or say that it waits: what its worker died of shall not take others along.

        A suspect is a step that has one life left. Before that, what a killed worker leaves runs as ever: it is mostly
        innocent, and in single file it would take hours.
        """
        line = self._lines.get(taken.job.account)
        most = line.policy.max_crashes if line else 1
        suspect = taken.outcome is None and taken.job.crashes >= max(1, most - 1)
        if not suspect or self._suspects:
            yield SUSPECT_WAITS if suspect else None
            return
        self._suspects += 1
        try:
            yield None
        finally:
            self._suspects -= 1

    def _has_turn(self, message: Message) -> bool:
        """Whether the account may download one more: who must wait for that shall not hold a place of this worker."""
        line = self._lines.get(message.account)
        return line is None or not line.transfer.turn().locked()

    async def _prepare(self, message: Message, seen: Taken | None) -> Outcome | None:
        """Let the vendor's client get ready, so that nothing but the call stands between a claim and its answer."""
        line = self._lines.get(message.account)
        try:
            if line:
                with within(of_export.life(seen.job) if seen else current()):
                    await line.vendor.prepare()
        except ExportError as error:
            return outcome_of(error)
        return None

    async def _perform(self, step: Step, taken: Taken) -> Outcome:
        """Come to an outcome, whatever happens: an error that nobody thought of costs an attempt, not the export."""
        job, line = taken.job, self._lines.get(taken.job.account)
        if taken.outcome:
            return taken.outcome
        if line is None:
            return account_missing(job.account)
        if exhausted(replace(job, attempts=job.attempts - int(job.leased)), line.policy):
            return GaveUp(job.error or WORKERS_DIED)
        try:
            return await self._step(step, job, line)
        except ExportError as error:
            return outcome_of(error)
        except asyncio.CancelledError:
            await uninterrupted(self._let_go(step, job))
            raise
        except Exception:  # noqa: BLE001 - it is logged with its traceback and settled as a failed attempt
            _log.exception("a step failed in a way nobody thought of", step=step, export=job.id)
            return Retrying(INTERNAL_ERROR, unknown=True)

    async def _step(self, step: Step, job: ExportJob, line: Line) -> Outcome:
        match step:
            case Step.START:
                return await start(job, line.vendor)
            case Step.POLL:
                return await poll(job, line.vendor)
            case Step.DOWNLOAD:
                gate = partial(self._leases.check, job)
                async with self._leases.until_lost(job):
                    return await download(job, line.vendor, line.transfer, line.shelf, gate)

    async def _let_go(self, step: Step, job: ExportJob) -> None:
        """A stopping worker gives the step back; a start that was under way may have been taken by the vendor."""
        if step is Step.START:
            await self._settler.settle(job, STOPPED_START, 0.0)
        elif not await self._settler.hand_back(job):
            await self._settler.withdraw(step, job)


def _successor(message: Message, settlement: Settlement) -> ExportJob | None:
    """The export that got the slot which a step freed; a start has none, so that no task goes on for ever."""
    starts = (job for job in settlement.admitted if job.step is Step.START)
    return None if message.step is Step.START else next(starts, None)
