"""Settles an outcome into an export: the one place that decides what happens next."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from landfall.exports.errors import AnswerLost
from landfall.exports.job import ExportJob, Fault
from landfall.exports.outcomes import Advanced, GaveUp, Outcome, Retrying, Waiting
from landfall.exports.policy import Policy
from landfall.exports.states import TERMINAL, TRANSITIONS, IllegalMoveError, State, Step, check_move


@dataclass(frozen=True, slots=True)
class Event:
    """One line of an export's timeline; `step` and `attempt` are those of the step that was run."""

    kind: str
    step: Step | None
    attempt: int
    fault: Fault | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Leftover:
    """A report that the vendor may go on building though the export no longer holds a slot for it.

    `report_id` is None where a start's answer was lost: the report may not even exist.
    """

    report_id: str | None


@dataclass(frozen=True, slots=True)
class Settled:
    """The export as it stands after an outcome, the event that tells of it, and what it leaves at the vendor."""

    job: ExportJob
    event: Event
    leftover: Leftover | None = None


def settle(job: ExportJob, outcome: Outcome, *, now: datetime, draw: float, policy: Policy) -> Settled:
    """Return what the outcome makes of the export. Raises IllegalMoveError for a move that the table lacks."""
    if job.state in TERMINAL:
        # A retry leads out of an end, no outcome does.
        raise IllegalMoveError(job.state, outcome.to if isinstance(outcome, Advanced) else job.state)
    settled = _settled(job, outcome, now, draw, policy)
    if isinstance(outcome, Waiting) and not outcome.asked:
        return settled
    return replace(settled, job=replace(settled.job, crashes=0))


def _settled(job: ExportJob, outcome: Outcome, now: datetime, draw: float, policy: Policy) -> Settled:
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


def without_copy(job: ExportJob, outcome: Outcome, *, now: datetime, policy: Policy) -> Outcome:
    """Store the export without its Parquet copy where nothing else is missing and the copy is not to be tried again."""
    if not isinstance(outcome, Retrying) or outcome.published is None:
        return outcome
    attempts = job.attempts + int(not job.leased)
    late = _deadline_passed(job, now)
    if not late and not exhausted(replace(job, attempts=attempts), policy):
        return outcome
    fault = replace(late or _after(attempts, outcome.fault), action=_MEND_AND_SUBMIT)
    return Advanced(to=State.STORED, artifact=outcome.published, no_copy=fault, asked=False)


def admit(job: ExportJob, *, now: datetime) -> Settled:
    """Give a queued export its slot: its start is due now, and its deadline begins to run."""
    changes = {"attempts": job.attempts, "deferrals": job.deferrals}
    moved = _move(job, State.STARTING, due_at=now, deadline_at=now + job.deadline, **changes)
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


def rescue(job: ExportJob, *, now: datetime, draw: float, policy: Policy) -> Settled:
    """Take a step from a worker that went silent, under a version that the silent one lacks.

    A claimed start may have reached the vendor, so it is settled as one whose answer was lost.
    """
    crashes = job.crashes + 1
    lost_start = job.state is State.STARTING and job.leased and not policy.starts_repeat
    if crashes >= policy.max_crashes:
        dead = _give_up(replace(job, attempts=job.attempts + int(not job.leased)), WORKERS_DIED, now)
        left = Leftover(None) if lost_start else dead.leftover
        return replace(dead, job=replace(dead.job, crashes=crashes), leftover=left)
    if lost_start:
        lost = settle(job, _SILENT_START, now=now, draw=draw, policy=policy)
        return replace(lost, job=replace(lost.job, crashes=crashes), event=replace(lost.event, kind="rescued"))
    # A claim has counted its attempt already; a step without one counts here, or one that kills workers would never end.
    attempts = job.attempts + int(not job.leased)
    # One that outlives its workers may be what they die of: what died with it shall end in between.
    seconds = policy.retries[job.step].delay(attempts - 1, draw) if job.step and attempts > 1 else 0.0
    due_at = now + timedelta(seconds=seconds)
    freed = replace(job, version=job.version + 1, leased=False, due_at=due_at, attempts=attempts, crashes=crashes)
    return Settled(freed, Event("rescued", job.step, attempts, note="its worker went silent"))


def cancel(job: ExportJob, *, now: datetime, policy: Policy) -> Settled:
    """End the export at its owner's wish; a report in the making is left to end by itself."""
    cancelled = _move(job, State.CANCELLED, attempts=job.attempts, finished_at=now)
    event = Event(TRANSITIONS[job.state][State.CANCELLED], job.step, job.attempts)
    asked = job.state is State.STARTING and job.leased and not policy.starts_repeat
    return Settled(cancelled, event, Leftover(None) if asked else _left_building(job))


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
        changes["due_at"] = now + timedelta(seconds=policy.poll_delay(0.0, draw))
    if outcome.to in TERMINAL:
        changes |= {"due_at": None, "finished_at": now, "artifact": outcome.artifact}
    return Settled(_move(job, outcome.to, **changes), event)


def _order_anew(job: ExportJob, fault: Fault, now: datetime, policy: Policy) -> Settled:
    check_move(job.state, State.QUEUED)
    if job.generation >= policy.max_generations:
        return replace(_give_up(job, fault, now), leftover=None)
    event = Event(TRANSITIONS[job.state][State.QUEUED], job.step, job.attempts, fault)
    fresh = {"generation": job.generation + 1, "report_id": None, "started_at": None, "polled_at": None}
    return Settled(_move(job, State.QUEUED, error=fault, deadline_at=None, **fresh), event)


def _wait(job: ExportJob, outcome: Waiting, now: datetime, draw: float, policy: Policy) -> Settled:
    if late := _deadline_passed(job, now):
        return _give_up(job, late, now)
    if job.state is State.STARTING and not outcome.keeps_slot:
        # Nothing was started, so the slot is free at once; when the account may be used again, it is admitted anew.
        attempts = job.attempts - int(job.leased)
        return _send_back(job, outcome.fault, outcome.note, attempts=attempts, deferrals=job.deferrals + 1)
    deferrals = job.deferrals + int(outcome.fault is not None)
    seconds = outcome.delay
    polled: dict[str, object] = {}
    if outcome.fault is None and seconds is None:
        seconds = policy.poll_delay((now - (job.started_at or now)).total_seconds(), draw)
        polled, deferrals = {"polled_at": now}, 0
    elif seconds is None:
        seconds = policy.deferral(deferrals, draw)
    # An answer ends a row of failures; a wait that was asked for gives back the attempt that the claim counted.
    attempts = 0 if polled else job.attempts - int(job.leased)
    if not outcome.asked:
        polled = {"polls": job.polls}
    due_at = now + timedelta(seconds=seconds)
    waiting = _stay(job, due_at, attempts=attempts, deferrals=deferrals, error=outcome.fault, **polled)
    return Settled(waiting, Event("wait", job.step, job.attempts, outcome.fault, outcome.note))


def _retry(job: ExportJob, outcome: Retrying, now: datetime, draw: float, policy: Policy) -> Settled:
    if late := _deadline_passed(job, now):
        return _give_up(job, late, now)
    if job.step is None:
        raise ValueError(f"an export that is {job.state} has no step to retry")
    # A claim has counted the attempt already; a poll runs without one.
    counted = replace(job, attempts=job.attempts + int(not job.leased))
    lost_start = job.state is State.STARTING and outcome.unknown and not policy.starts_repeat
    leftover = Leftover(None) if lost_start else None
    if exhausted(counted, policy):
        return replace(_give_up(counted, _after(counted.attempts, outcome.fault), now), leftover=leftover)
    if lost_start:
        back = _send_back(counted, outcome.fault, None, attempts=counted.attempts, deferrals=counted.deferrals)
        return replace(back, leftover=leftover)
    seconds = max(policy.retries[job.step].delay(counted.attempts, draw), outcome.delay or 0.0)
    retrying = _stay(counted, now + timedelta(seconds=seconds), error=outcome.fault)
    return Settled(retrying, Event("retry", job.step, counted.attempts, outcome.fault))


def _send_back(job: ExportJob, fault: Fault | None, note: str | None, *, attempts: int, deferrals: int) -> Settled:
    event = Event(TRANSITIONS[job.state][State.QUEUED], job.step, job.attempts, fault, note)
    changes = {"attempts": attempts, "deferrals": deferrals, "error": fault, "deadline_at": None}
    return Settled(_move(job, State.QUEUED, **changes), event)


def _give_up(job: ExportJob, fault: Fault, now: datetime) -> Settled:
    failed = _move(job, State.FAILED, attempts=job.attempts, error=fault, finished_at=now)
    return Settled(failed, Event("give up", job.step, job.attempts, fault), _left_building(job))


def _left_building(job: ExportJob) -> Leftover | None:
    """The report that the vendor goes on building when the export ends here."""
    return Leftover(job.report_id) if job.state is State.EXPORTING and job.report_id else None


def _after(attempts: int, fault: Fault) -> Fault:
    return replace(fault, message=f"gave up after {attempts} attempts: {fault.message}")


def _deadline_passed(job: ExportJob, now: datetime) -> Fault | None:
    if job.deadline_at is None or now < job.deadline_at:
        return None
    hours = job.deadline.total_seconds() / 3600
    return Fault(
        "deadline_passed",
        f"the export was not done {hours:g} h after its start" + (f": {job.error.message}" if job.error else ""),
        "Have it tried again for as long (`landfall retry`), or submit a smaller range or a longer deadline.",
    )


WORKERS_DIED = Fault(
    "worker_died",
    "every worker that tried this step died in it",
    "Look at the workers' logs and memory, then have it tried again (`landfall retry`).",
)
_MEND_AND_SUBMIT = (
    "Use the file, which is whole; where its copy is needed, mend what the message names and submit the export again "
    "with force."
)
_SILENT_START = Retrying(
    AnswerLost("the worker died while the vendor was asked to start the report").fault, unknown=True
)
