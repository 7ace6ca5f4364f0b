"""Steers an export at its owner's wish: lets one that failed or was cancelled live again, moves one in the queue."""

from dataclasses import replace
from datetime import datetime

from landfall.exports.job import ExportJob
from landfall.exports.settling import Event, Settled
from landfall.exports.states import TRANSITIONS, IllegalMoveError, State, Step
from landfall.exports.traceparent import next_life

RETRIABLE = frozenset({State.FAILED, State.CANCELLED})


def retry(job: ExportJob, ended_in: Step | None, *, from_start: bool, now: datetime) -> Settled:
    """Give an export that failed or was cancelled a new life; `ended_in` is the step that was due when it ended.

    A download goes on with the report that is there. Everything else waits for a slot, and orders a new report unless
    the vendor still has, as an orphan, the one that the export left. The counters begin anew, but for the questions
    asked and the reports ordered since the export was accepted. Raises IllegalMoveError for any other export.
    """
    to = State.READY if ended_in is Step.DOWNLOAD and not from_start else State.QUEUED
    if job.state not in RETRIABLE:
        raise IllegalMoveError(job.state, to)
    alive = replace(
        job,
        state=to,
        version=job.version + 1,
        leased=False,
        attempts=0,
        deferrals=0,
        crashes=0,
        error=None,
        finished_at=None,
        due_at=None,
        deadline_at=None,
        traceparent=next_life(job),
    )
    event = Event(TRANSITIONS[job.state][to], None, 0)
    if to is State.READY:
        return Settled(replace(alive, due_at=now, deadline_at=now + job.deadline), event)
    # One that ended in the queue, untried, has ordered nothing under this number yet.
    generation = job.generation + int(ended_in is not None or job.attempts > 0)
    return Settled(replace(alive, generation=generation, report_id=None, started_at=None, polled_at=None), event)


def prioritize(job: ExportJob, priority: int) -> Settled:
    """Move a queued export to another priority; it keeps its turn among those. Raises ValueError for any other."""
    if job.state is not State.QUEUED:
        raise ValueError(f"an export that is {job.state} stands in no queue")
    event = Event("priority", None, job.attempts, note=f"{job.priority} to {priority}")
    return Settled(replace(job, version=job.version + 1, priority=priority), event)
