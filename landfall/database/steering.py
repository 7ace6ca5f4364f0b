"""Steers exports and accounts for those who ask, each in one transaction under the account's lock."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, bindparam, select

from landfall.database import accounts, admission, batches, lives, orphans, turns
from landfall.database.rows import job_of
from landfall.database.service_tables import batch_items
from landfall.database.settlements import Settlement, write_settled
from landfall.database.tables import exports
from landfall.exports.job import ExportJob
from landfall.exports.policy import Policy
from landfall.exports.settling import Settled, cancel
from landfall.exports.states import TERMINAL, State
from landfall.exports.steering import RETRIABLE, prioritize, retry

# The row is locked as well: a poll's settlement takes no lock on the account.
_FIND_LOCKED = select(exports).where(exports.c.id == bindparam("export_id")).with_for_update()
_NO_POLICY = Policy()


@dataclass(frozen=True, slots=True)
class Steered:
    """The export as it stands after it was steered; `changed` is False where it stood so before."""

    job: ExportJob
    changed: bool
    wake: bool = False


class SteeringRefused(Exception):
    """The export's state does not allow what was asked; the text is one sentence, `job` is the export as it stands."""

    def __init__(self, job: ExportJob, why: str) -> None:
        """Keep both."""
        super().__init__(why)
        self.job = job


# Steers the export that was found, as it stands now. Raises SteeringRefused.
Act = Callable[[Connection, ExportJob], Steered]


def cancelling(policies: Mapping[str, Policy], by: str) -> Act:
    """Cancels exports; `policies` are the accounts', by name, and `by` says whose wish it is."""

    def act(connection: Connection, found: ExportJob) -> Steered:
        job = _lock(connection, found) or found
        if job.state is State.CANCELLED:
            return Steered(job, changed=False)
        if job.state in TERMINAL:
            raise SteeringRefused(job, f"the export has ended as {job.state}; only one that has not can be cancelled")
        written = write_cancel(connection, job, policies.get(job.account, _NO_POLICY), by=by)
        return _steered(job, written)

    return act


def retrying(by: str, *, from_start: bool = False) -> Act:
    """Has exports that failed or were cancelled tried again, with `from_start` from a new report on."""

    def act(connection: Connection, found: ExportJob) -> Steered:
        job = _kept(_lock(connection, found), found)
        if job.state is State.STORED:
            raise SteeringRefused(job, "the export is stored; submit its request again for a newer file")
        if job.state not in RETRIABLE:
            raise SteeringRefused(job, f"the export is {job.state} and under way; cancel it first to begin it anew")
        return _steered(job, write_retry(connection, job, by=by, from_start=from_start))

    return act


def lock_for_retries(connection: Connection, jobs: Sequence[ExportJob]) -> None:
    """Lock at once what retries of these exports of one account lock one by one, lest two who retry many wait in a ring."""
    accounts.lock(connection, jobs[0].account)
    batches.lock(connection, [job.id for job in jobs])


def prioritizing(priority: int, by: str) -> Act:
    """Moves queued exports to another priority."""

    def act(connection: Connection, found: ExportJob) -> Steered:
        job = _lock(connection, found) or found
        if job.state is not State.QUEUED:
            raise SteeringRefused(job, f"the export is {job.state}; only a queued one can change its priority")
        if job.priority == priority:
            return Steered(job, changed=False)
        throttle, now = accounts.lock(connection, job.account)
        settled = _told(prioritize(job, priority), by)
        return _steered(job, write_settled(connection, job, settled, throttle, _NO_POLICY, now=now))

    return act


def write_cancel(connection: Connection, job: ExportJob, policy: Policy, *, by: str | None = None) -> Settlement | None:
    """Cancel the export; None where it has moved on. Raises IllegalMoveError where it has ended."""
    throttle, now = accounts.lock(connection, job.account)
    settled = _told(cancel(job, now=now, policy=policy), by)
    after = throttle.relieved(job.id, now)
    return write_settled(connection, job, settled, after, policy, now=now, before=throttle)


def write_retry(
    connection: Connection, job: ExportJob, *, by: str | None = None, from_start: bool = False
) -> Settlement | None:
    """Give the export a new life; None where it has moved on. Raises IllegalMoveError unless it failed or was cancelled."""
    throttle, now = accounts.lock(connection, job.account)
    settled = _told(retry(job, lives.ended_in(connection, job), from_start=from_start, now=now), by)
    if from_start:
        orphans.disown(connection, job)
    if settled.job.state is State.QUEUED:
        settled = replace(settled, job=turns.assign(connection, [settled.job])[0])
    written = write_settled(connection, job, settled, throttle, _NO_POLICY, now=now)
    if written:
        batches.reopen(connection, [job.id])
    return written


def not_made_for(connection: Connection, batch_id: str) -> set[str]:
    """The exports that a batch only joined: somebody else had asked for them before."""
    joined = select(batch_items.c.export_id).where(batch_items.c.batch_id == batch_id, ~batch_items.c.ours)
    return set(connection.execute(joined).scalars())


def pause(connection: Connection, account: str, by: str) -> bool:
    """Admit no export of the account until it is resumed; False where it is paused already. What has a slot goes on.

    `by` is the name of the key whose wish it is.
    """
    throttle, now = accounts.lock(connection, account)
    if throttle.paused_at:
        return False
    accounts.pause(connection, account, now, by)
    return True


def resume(connection: Connection, account: str) -> bool:
    """Admit the account's exports again; False where it was not paused."""
    throttle, now = accounts.lock(connection, account)
    if not throttle.paused_at:
        return False
    accounts.resume(connection, account)
    admission.admit_next(connection, account, (replace(throttle, paused_at=None, paused_by=None), now))
    return True


def _lock(connection: Connection, found: ExportJob) -> ExportJob | None:
    """The export as it stands now, under its account's lock and its own; None where it is archived."""
    accounts.lock(connection, found.account)
    row = connection.execute(_FIND_LOCKED, {"export_id": found.id}).one_or_none()
    return job_of(row) if row else None


def _kept(job: ExportJob | None, found: ExportJob) -> ExportJob:
    if job is None:
        raise SteeringRefused(found, f"the export has ended as {found.state} and is archived; submit its request again")
    return job


def _steered(before: ExportJob, written: Settlement | None) -> Steered:
    if written is None:
        raise RuntimeError(f"export {before.id} has moved on under its own lock")
    admitted = {each.id: each for each in written.admitted}
    job = admitted.get(written.job.id, written.job)
    return Steered(job, changed=True, wake=bool(admitted) or job.due_at is not None)


def _told(settled: Settled, by: str | None) -> Settled:
    """Have the timeline say whose wish it was."""
    if by is None:
        return settled
    note = f"{settled.event.note}; {by}" if settled.event.note else by
    return replace(settled, event=replace(settled.event, note=note))
