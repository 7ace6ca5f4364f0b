"""Writes a settlement in its transaction: the row, its event, what it leaves at the vendor, and who gets its slot."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from landfall.database import accounts, admission, build_times, ledger, orphans
from landfall.exports.job import ExportJob
from landfall.exports.policy import Policy
from landfall.exports.settling import Event, Settled
from landfall.exports.states import SLOT_HOLDING, State
from landfall.exports.throttle import Throttle


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a settlement wrote: the export, its event, the exports admitted in its place, the database's time."""

    job: ExportJob
    event: Event
    admitted: list[ExportJob]
    at: datetime


def write_settled(
    connection: Connection,
    job: ExportJob,
    settled: Settled,
    throttle: Throttle,
    policy: Policy,
    *,
    now: datetime,
    seconds: float | None = None,
    before: Throttle | None = None,
) -> Settlement | None:
    """Write what has become of `job`, under its account's lock; None where the export has moved on.

    `throttle` is how the account stands after it, `before` how it stood where that may differ.
    """
    if not ledger.save(connection, job, settled, at=now, seconds=seconds):
        return None
    changed = before is not None and before != throttle
    if changed:
        accounts.write(connection, job.account, throttle)
    if settled.leftover:
        hold = timedelta(seconds=max(policy.lost_start_seconds, build_times.longest_usual(connection, job)))
        orphans.record(connection, job, settled.leftover.report_id, now=now, hold=hold)
    freed = job.state in SLOT_HOLDING and settled.job.state not in SLOT_HOLDING
    fill = freed or changed or settled.job.state is State.QUEUED
    admitted = admission.admit_next(connection, job.account, (throttle, now)) if fill else []
    return Settlement(settled.job, settled.event, admitted, now)
