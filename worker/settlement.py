"""Settles a step's outcome in one transaction: the row, its event, and who gets the slot that came free."""

import random
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from landfall.database import admission, ledger
from landfall.database.clock import read_clock
from landfall.exports.job import ExportJob
from landfall.exports.outcomes import Outcome
from landfall.exports.policy import Policy
from landfall.exports.settling import Event, hand_back, settle
from landfall.exports.states import SLOT_HOLDING, State


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a settlement wrote: the export, its event, the exports admitted in its place, the database's time."""

    job: ExportJob
    event: Event
    admitted: list[ExportJob]
    at: datetime


def write_outcome(
    connection: Connection, job: ExportJob, outcome: Outcome, policy: Policy, *, seconds: float
) -> Settlement | None:
    """Settle the outcome; None, and nothing written, where the export has moved on without this step."""
    now = read_clock(connection)
    settled = settle(job, outcome, now=now, draw=random.random(), policy=policy)  # noqa: S311 - jitter, no secret
    if not ledger.save(connection, job, settled, at=now, seconds=seconds):
        return None
    admitted = _fill_slots(connection, job, settled.job)
    return Settlement(settled.job, settled.event, admitted, now)


def write_hand_back(connection: Connection, job: ExportJob) -> bool:
    """Return a step that was cut short before it did anything; False where the export has moved on."""
    now = read_clock(connection)
    return ledger.save(connection, job, hand_back(job, now=now), at=now)


def _fill_slots(connection: Connection, before: ExportJob, after: ExportJob) -> list[ExportJob]:
    freed = before.state in SLOT_HOLDING and after.state not in SLOT_HOLDING
    if freed or after.state is State.QUEUED:
        return admission.admit_next(connection, after.account)
    return []
