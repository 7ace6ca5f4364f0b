"""Runs one step of one export: take it, perform it, settle it, send what is due next."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import stamina
from redis.exceptions import RedisError
from sqlalchemy import Connection

from landfall.database import ledger
from landfall.database.connection import Database, DatabaseUnavailable
from landfall.exports.errors import AnswerLost, ExportError
from landfall.exports.job import ExportJob, Fault
from landfall.exports.outcomes import GaveUp, Outcome, Retrying, outcome_of
from landfall.exports.policy import Policy
from landfall.exports.settling import exhausted
from landfall.exports.states import Step
from landfall.log import get_logger
from landfall.storage.store import Store
from landfall.vendors.vendor import Vendor
from worker.leases import Leases
from worker.queue import Message, StepQueue
from worker.settlement import Settlement, write_hand_back, write_outcome
from worker.steps.download import download
from worker.steps.poll import poll
from worker.steps.start import start
from worker.transfer import Transfer

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Line:
    """What a worker needs to serve one account."""

    vendor: Vendor
    transfer: Transfer
    policy: Policy


class Runner:
    """Runs steps. A step that comes late or twice finds that the row has moved on, and does nothing."""

    def __init__(
        self, database: Database, queue: StepQueue, leases: Leases, lines: Mapping[str, Line], store: Store
    ) -> None:
        """Serve the accounts of `lines`, by name."""
        self._database = database
        self._queue = queue
        self._leases = leases
        self._lines = lines
        self._store = store

    async def run(self, step: Step, export_id: str, version: int) -> None:
        """Run the step if it is still the one that is due."""
        job = await self._take(step, export_id, version)
        if job is None:
            _log.debug("a message came late", step=step, export=export_id, version=version)
            return
        started = time.monotonic()
        with self._leases.held(job):
            outcome = await self._perform(step, job)
            settlement = await self._settle(job, outcome, time.monotonic() - started)
        _tell(step, job, outcome, settlement, time.monotonic() - started)
        if settlement:
            await self._send(settlement)

    async def _take(self, step: Step, export_id: str, version: int) -> ExportJob | None:
        # A poll changes nothing at the vendor, so it needs no claim: its settlement alone decides which of two counts.
        if step is Step.POLL:
            job = await self._database.read(lambda connection: ledger.find(connection, export_id))
            return job if job and (job.version, job.step) == (version, step) else None
        taken = await self._database.write(
            lambda connection: ledger.take(connection, export_id, version, self._leases.length),
        )
        return taken.job if taken else None

    async def _perform(self, step: Step, job: ExportJob) -> Outcome:
        """Come to an outcome, whatever happens: an error that nobody thought of costs an attempt, not the export."""
        line = self._lines.get(job.account)
        if line is None:
            return Retrying(_account_missing(job.account))
        if exhausted(replace(job, attempts=job.attempts - 1), line.policy):
            return GaveUp(job.error or _WORKERS_DIED)
        try:
            return await self._step(step, job, line)
        except ExportError as error:
            return outcome_of(error)
        except asyncio.CancelledError:
            await asyncio.shield(self._let_go(step, job))
            raise
        except Exception:  # noqa: BLE001 - it is logged with its traceback and settled as a failed attempt
            _log.exception("a step failed in a way nobody thought of", step=step, export=job.id)
            return Retrying(_INTERNAL_ERROR)

    async def _step(self, step: Step, job: ExportJob, line: Line) -> Outcome:
        match step:
            case Step.START:
                return await start(job, line.vendor)
            case Step.POLL:
                return await poll(job, line.vendor)
            case Step.DOWNLOAD:
                return await download(job, line.vendor, line.transfer, self._store)

    async def _let_go(self, step: Step, job: ExportJob) -> None:
        """A stopping worker gives the step back; a start that was under way may have been taken by the vendor."""
        if step is Step.START:
            await self._settle(
                job, Retrying(AnswerLost("the worker was stopped before the vendor answered").fault), 0.0
            )
            return
        await self._database.write(lambda connection: write_hand_back(connection, job))

    @stamina.retry(on=DatabaseUnavailable, attempts=None, timeout=120.0, wait_max=5.0)
    async def _settle(self, job: ExportJob, outcome: Outcome, seconds: float) -> Settlement | None:
        line = self._lines.get(job.account)
        policy = line.policy if line else Policy()

        def work(connection: Connection) -> Settlement | None:
            return write_outcome(connection, job, outcome, policy, seconds=seconds)

        return await self._database.write(work)

    async def _send(self, settlement: Settlement) -> None:
        """Best effort: what is not sent now, the sweeper sends."""
        jobs = [settlement.job, *settlement.admitted]
        delays = [(job, (job.due_at - settlement.at).total_seconds()) for job in jobs if job.due_at]
        messages = [message for job, delay in delays if (message := Message.of(job, delay))]
        try:
            await self._queue.send(messages)
        except (RedisError, OSError) as error:
            _log.warning("the next step was not sent; the sweeper will", error=type(error).__name__)


_INTERNAL_ERROR = Fault(
    "internal_error",
    "Landfall made a mistake; the worker's log tells more",
    "Report the log's traceback to Landfall's maintainers, then retry the export.",
)
_WORKERS_DIED = Fault(
    "worker_died",
    "every worker that tried this step died in it",
    "Look at the workers' logs and memory, then retry the export.",
)


def _account_missing(name: str) -> Fault:
    return Fault(
        "account_missing",
        f"the worker's settings have no account {name!r}",
        "Put the account back into landfall.toml and restart the worker.",
    )


def _tell(step: Step, job: ExportJob, outcome: Outcome, settlement: Settlement | None, seconds: float) -> None:
    """Write the canonical log line of a step."""
    fault = getattr(outcome, "fault", None)
    _log.info(
        "step",
        export=job.id,
        account=job.account,
        step=step,
        attempt=job.attempts,
        outcome=type(outcome).__name__.lower() if settlement else "fenced",
        state=settlement.job.state if settlement else None,
        error=fault.code if fault else None,
        seconds=round(seconds, 4),
    )
