"""Takes the step that is due, unless somebody else has or the account must not be called."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from landfall.database import accounts, admission, ledger, orphans
from landfall.exports.job import ExportJob, Fault
from landfall.exports.outcomes import Advanced, Outcome, Waiting
from landfall.exports.states import State, Step
from landfall.exports.throttle import Throttle
from worker.queue import Message

_WHILE_PROBING = timedelta(seconds=2)


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that is ours. `outcome` is what it comes to where the vendor need not, or must not, be called for it.

    `probe` says that it was only looked at: calling the vendor would be the one probe of an open breaker, which has to
    be taken in a transaction that writes. `seen` is how the account stood then. `admitted` are the exports that got a slot which this made free.
    """

    job: ExportJob
    outcome: Outcome | None = None
    probe: bool = False
    seen: "Seen | None" = None
    admitted: Sequence[ExportJob] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """How an account stood at a moment: by the database's clock, and by this process's monotonic one."""

    throttle: Throttle
    now: datetime
    at: float

    def moment(self) -> datetime:
        """The database's time now."""
        return self.now + timedelta(seconds=time.monotonic() - self.at)


def look(connection: Connection, message: Message) -> Taken | None:
    """Look at a step without writing; None where the export has moved on.

    Enough for a poll: it changes nothing at the vendor, so its settlement alone decides which of two counts.
    """
    found = accounts.find_export(connection, message.export_id)
    if found is None or not _is_due(found[0], message):
        return None
    job, throttle, now = found
    if until := _closed_until(throttle, message, now):
        return Taken(job, _closed(throttle, until, now))
    return Taken(job, probe=throttle.reason is not None, seen=Seen(throttle, now, time.monotonic()))


def take(connection: Connection, message: Message, lease: timedelta) -> Taken | None:
    """Take the step: claim a start or a download under a lease; None where the export has moved on."""
    job = ledger.find(connection, message.export_id)
    if job is None or not _is_due(job, message):
        return None
    throttle, now = accounts.lock(connection, job.account)
    if until := _closed_until(throttle, message, now):
        return Taken(job, _closed(throttle, until, now))
    # It may have been cancelled while the lock was waited for: then it must not be the probe.
    polls = message.step is Step.POLL
    claimed = _as_it_stands(connection, job) if polls else ledger.take(connection, job, lease, now=now)
    if claimed is None:
        return None
    # Also where the last probe never came back.
    if throttle.reason and throttle.closed_until(now) is None:
        accounts.write(connection, job.account, throttle.probed(now, job.id))
    if polls:
        return Taken(claimed)
    adopted = orphans.adopt(connection, claimed, now=now) if message.step is Step.START else None
    if adopted is None:
        return Taken(claimed)
    # The orphan's slot is the export's own now; the one that it was admitted to comes free.
    successors = admission.admit_next(connection, job.account)
    return Taken(claimed, Advanced(to=State.EXPORTING, report_id=adopted, asked=False), admitted=successors)


def _as_it_stands(connection: Connection, job: ExportJob) -> ExportJob | None:
    """The export, None where it has moved on."""
    return job if ledger.versions(connection, [job.id]).get(job.id) == job.version else None


def _is_due(job: ExportJob, message: Message) -> bool:
    return (job.version, job.step) == (message.version, message.step)


def _closed_until(throttle: Throttle, message: Message, now: datetime) -> datetime | None:
    """When the account may be called for this step; an export that an open breaker admitted is its probe."""
    probe = message.step is Step.START and throttle.probing
    return None if probe else throttle.closed_until(now)


def _closed(throttle: Throttle, until: datetime, now: datetime) -> Outcome:
    # A probe is over long before its time is: look again soon.
    again = min(until, now + _WHILE_PROBING) if throttle.probing else until
    why = throttle.reason.message if throttle.reason else "the vendor asked for a pause"
    fault = Fault("account_closed", f"the account waits: {why}", "Nothing to do: Landfall goes on by itself.")
    return Waiting(fault, (again - now).total_seconds(), asked=False)
