"""Settles an outcome into an export: the one place that decides what happens next."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from landfall.exports.job import ExportJob, Fault
from landfall.exports.outcomes import Advanced, GaveUp, Outcome, Retrying, Waiting
from landfall.exports.policy import Policy
from landfall.exports.states import TERMINAL, TRANSITIONS, State, Step, check_move


@dataclass(frozen=True, slots=True)
class Event:
    """One line of an export's timeline; `step` and `attempt` are those of the step that was run."""

    kind: str
    step: Step | None
    attempt: int
    fault: Fault | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """The export as it stands after an outcome, and the event that tells of it."""

    job: ExportJob
    event: Event


def settle(job: ExportJob, outcome: Outcome, *, now: datetime, draw: float, policy: Policy) -> Settled:
    """Return what the outcome makes of the export. Raises IllegalMoveError for a move that the table lacks."""
    match outcome:
        case Advanced(to=State.QUEUED, fault=Fault() as fault):
            return _order_anew(job, fault, now, policy)
        case Advanced():
            return _advance(job, outcome, now, draw, policy)
        case Waiting():
            return _wait(job, outcome, now, draw, policy)
        case Retrying():
            return _retry(job, outcome, now, draw, policy)
        case GaveUp(fault):
            return _give_up(job, fault, now)


def admit(job: ExportJob, *, now: datetime) -> Settled:
    """Give a queued export its slot: its start is due now, and its deadline begins to run."""
    moved = _move(job, State.STARTING, due_at=now, deadline_at=now + job.deadline)
    return Settled(moved, Event(TRANSITIONS[job.state][State.STARTING], None, job.attempts))


def claim(job: ExportJob, *, now: datetime, lease: timedelta) -> ExportJob:
    """Write down the intent to run the due step, before anything is sent: a new attempt under a lease."""
    return replace(job, version=job.version + 1, attempts=job.attempts + 1, leased=True, due_at=now + lease)


def hand_back(job: ExportJob, *, now: datetime) -> Settled:
    """Return a step that did not get to run: due at once, its attempt not counted."""
    freed = replace(
        job,
        version=job.version + 1,
        attempts=job.attempts - int(job.leased),
        leased=False,
        due_at=now,
    )
    return Settled(freed, Event("handed back", job.step, job.attempts))


def rescue(job: ExportJob, *, now: datetime) -> Settled:
    """Take a step from a worker that went silent: due at once, under a version that the silent one lacks."""
    freed = replace(job, version=job.version + 1, leased=False, due_at=now)
    return Settled(freed, Event("rescued", job.step, job.attempts, note="its worker went silent"))


def exhausted(job: ExportJob, policy: Policy) -> bool:
    """Whether the due step has used up its attempts."""
    return job.step is not None and job.attempts >= policy.retries[job.step].max_attempts


def _move(job: ExportJob, to: State, **changes: object) -> ExportJob:
    check_move(job.state, to)
    fresh: dict[str, object] = {
        "state": to,
        "version": job.version + 1,
        "leased": False,
        "attempts": 0,
        "deferrals": 0,
        "error": None,
        "due_at": None,
        "polls": job.polls + int(job.step is Step.POLL),
    }
    return replace(job, **{**fresh, **changes})  # type: ignore[arg-type]  # the keys are the job's own fields


def _stay(job: ExportJob, due_at: datetime, **changes: object) -> ExportJob:
    return _move(job, job.state, **{"attempts": job.attempts, "deferrals": job.deferrals, "due_at": due_at, **changes})


def _advance(job: ExportJob, outcome: Advanced, now: datetime, draw: float, policy: Policy) -> Settled:
    check_move(job.state, outcome.to)
    event = Event(TRANSITIONS[job.state][outcome.to], job.step, job.attempts)
    changes: dict[str, object] = {"due_at": now, "report_id": outcome.report_id or job.report_id}
    if job.state is State.STARTING:
        changes["started_at"] = now
    if outcome.to is State.EXPORTING:
        changes["due_at"] = now + timedelta(seconds=policy.poll.delay(0.0, draw))
    if outcome.to in TERMINAL:
        changes |= {"due_at": None, "finished_at": now, "artifact": outcome.artifact}
    return Settled(_move(job, outcome.to, **changes), event)


def _order_anew(job: ExportJob, fault: Fault, now: datetime, policy: Policy) -> Settled:
    check_move(job.state, State.QUEUED)
    if job.generation >= policy.max_generations:
        return _give_up(job, fault, now)
    event = Event(TRANSITIONS[job.state][State.QUEUED], job.step, job.attempts, fault)
    fresh = {"generation": job.generation + 1, "report_id": None, "started_at": None, "deadline_at": None}
    return Settled(_move(job, State.QUEUED, error=fault, **fresh), event)


def _wait(job: ExportJob, outcome: Waiting, now: datetime, draw: float, policy: Policy) -> Settled:
    if late := _deadline_passed(job, now):
        return _give_up(job, late, now)
    deferrals = job.deferrals + int(outcome.fault is not None)
    seconds = outcome.delay
    if seconds is None and outcome.fault is None:
        seconds = policy.poll.delay((now - (job.started_at or now)).total_seconds(), draw)
    elif seconds is None:
        seconds = policy.deferral(deferrals, draw)
    # An answer ends a row of failures; a wait that was asked for gives back the attempt that the claim counted.
    attempts = job.attempts - int(job.leased) if outcome.fault else 0
    waiting = _stay(job, now + timedelta(seconds=seconds), attempts=attempts, deferrals=deferrals, error=outcome.fault)
    return Settled(waiting, Event("wait", job.step, job.attempts, outcome.fault, outcome.note))


def _retry(job: ExportJob, outcome: Retrying, now: datetime, draw: float, policy: Policy) -> Settled:
    if late := _deadline_passed(job, now):
        return _give_up(job, late, now)
    if job.step is None:
        raise ValueError(f"an export that is {job.state} has no step to retry")
    # A claim has counted the attempt already; a poll runs without one.
    counted = replace(job, attempts=job.attempts + int(not job.leased))
    if exhausted(counted, policy):
        return _give_up(counted, _after(counted.attempts, outcome.fault), now)
    seconds = max(policy.retries[job.step].delay(counted.attempts, draw), outcome.delay or 0.0)
    retrying = _stay(counted, now + timedelta(seconds=seconds), error=outcome.fault)
    return Settled(retrying, Event("retry", job.step, counted.attempts, outcome.fault))


def _give_up(job: ExportJob, fault: Fault, now: datetime) -> Settled:
    failed = _move(job, State.FAILED, attempts=job.attempts, error=fault, finished_at=now)
    return Settled(failed, Event("give up", job.step, job.attempts, fault))


def _after(attempts: int, fault: Fault) -> Fault:
    return replace(fault, message=f"gave up after {attempts} attempts: {fault.message}")


def _deadline_passed(job: ExportJob, now: datetime) -> Fault | None:
    if job.deadline_at is None or now < job.deadline_at:
        return None
    hours = job.deadline.total_seconds() / 3600
    return Fault(
        "deadline_passed",
        f"the report was not there {hours:g} h after its start",
        "Ask for a smaller range or a longer deadline, and submit the export again.",
    )
