"""Settles a step's outcome in one transaction: the row, its event, the account, and who gets the slot that came free."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from landfall.database import accounts, build_times, freshness, headers, ledger, lives, orphans
from landfall.database.settlements import Settlement, write_settled
from landfall.exports.job import ExportJob
from landfall.exports.outcomes import Advanced, GaveUp, Outcome, Waiting, effect_of
from landfall.exports.policy import Policy
from landfall.exports.settling import Event, Settled, hand_back, rescue, settle, without_copy
from landfall.exports.states import State
from landfall.exports.throttle import Effect, Throttle
from landfall.storage.header_change import changed_header


def write_outcome(
    connection: Connection, job: ExportJob, outcome: Outcome, policy: Policy, *, seconds: float
) -> Settlement | None:
    """Settle the outcome; None where the export has moved on without this step.

    Then the only thing written is a report that came too late: it may hold a slot.
    """
    draw = random.random()  # noqa: S311 - jitter, no secret
    throttle, now = accounts.lock(connection, job.account)
    outcome = without_copy(job, _held_by_breaker(outcome, throttle), now=now, policy=policy)
    outcome, change = _compared(connection, job, outcome)
    settled = settle(job, outcome, now=now, draw=draw, policy=_of_this_life(connection, job, outcome, policy))
    after = _account_after(throttle, job, outcome, now=now, draw=draw)
    settlement = write_settled(connection, job, settled, after, policy, now=now, seconds=seconds, before=throttle)
    if settlement is None:
        _keep_late_report(connection, job, outcome, policy, now)
    elif isinstance(outcome, Advanced) and outcome.to is State.READY and job.state is State.EXPORTING:
        if not orphans.was_adopted(connection, job):
            build_times.record(connection, job, outcome.build_seconds, now=now)
    elif isinstance(outcome, Advanced) and outcome.artifact:
        freshness.note_stored(connection, job, now=now)
        if outcome.artifact.header_hash:
            headers.keep(connection, job, outcome.artifact, now=now)
        for event in _events_of_file(job, outcome, change):
            ledger.note(connection, settlement.job, event, at=now)
    return settlement


def settle_wait(
    job: ExportJob, outcome: Outcome, policy: Policy, throttle: Throttle, *, now: datetime
) -> Settled | None:
    """Settle a poll's "not yet" where nothing changes that anybody decides by; None where something does.

    `throttle` is how the account stood when the poll began: what has befallen it since, another answer will say again.
    """
    if job.state is not State.EXPORTING or not isinstance(outcome, Waiting):
        return None
    draw = random.random()  # noqa: S311 - jitter, no secret
    settled = settle(job, outcome, now=now, draw=draw, policy=policy)
    unchanged = throttle == _account_after(throttle, job, outcome, now=now, draw=draw)
    return settled if unchanged and settled.job.state is State.EXPORTING else None


def write_rescue(connection: Connection, job: ExportJob, policy: Policy, patience: timedelta) -> Settlement | None:
    """Take the step from a silent worker; None where the export has moved on, or its worker was heard of since."""
    throttle, _ = accounts.lock(connection, job.account)
    found = ledger.find_now(connection, job.id)
    if found is None or found[0].version != job.version or found[0].due_at is None:
        return None
    job, now = found
    if now < found[0].due_at + (timedelta() if job.leased else patience):
        return None
    settled = rescue(job, now=now, draw=random.random(), policy=policy)  # noqa: S311 - jitter, no secret
    after = throttle.relieved(job.id, now)
    return write_settled(connection, job, settled, after, policy, now=now, before=throttle)


def write_hand_back(connection: Connection, job: ExportJob) -> bool:
    """Return a step that was cut short before it did anything; False where the export has moved on."""
    throttle, now = accounts.lock(connection, job.account)
    if not ledger.save(connection, job, hand_back(job, now=now), at=now):
        return False
    if (after := throttle.relieved(job.id, now)) != throttle:
        accounts.write(connection, job.account, after)
    return True


def _of_this_life(connection: Connection, job: ExportJob, outcome: Outcome, policy: Policy) -> Policy:
    """The policy with as many reports as a life may order, counted from the export's last retry."""
    if not (isinstance(outcome, Advanced) and outcome.to is State.QUEUED) or job.generation < policy.max_generations:
        return policy
    before = lives.first_generation(connection, job.id) - 1
    return replace(policy, max_generations=policy.max_generations + before)


def _compared(connection: Connection, job: ExportJob, outcome: Outcome) -> tuple[Outcome, str | None]:
    """Flag a stored file whose columns are not those of the last one of its kind; returns what has changed in words."""
    artifact = outcome.artifact if isinstance(outcome, Advanced) else None
    known = headers.last(connection, job) if artifact and artifact.header_hash else None
    if not artifact or known is None or known[0] == artifact.header_hash or not isinstance(outcome, Advanced):
        return outcome, None
    change = changed_header(known[1], artifact.columns) or "the header's spelling"
    return replace(outcome, artifact=replace(artifact, header_changed=True)), change


def _events_of_file(job: ExportJob, outcome: Advanced, change: str | None) -> Iterator[Event]:
    """What the export's owner has to know of a file that is stored all the same."""
    if change:
        yield Event("header changed", None, job.attempts, note=change)
    if outcome.no_copy:
        yield Event("no parquet copy", None, job.attempts, outcome.no_copy)


def _account_after(throttle: Throttle, job: ExportJob, outcome: Outcome, *, now: datetime, draw: float) -> Throttle:
    delay = getattr(outcome, "delay", None)
    after = throttle.after(effect_of(job, outcome), now=now, draw=draw, delay=delay, fault=outcome.fault)
    after = after.relieved(job.id, now)
    rest = getattr(outcome, "rest", None)
    return after if rest is None else after.rested(rest, now=now)


def _held_by_breaker(outcome: Outcome, throttle: Throttle) -> Outcome:
    """While the breaker is open nothing fails for what opened it: it waits."""
    if throttle.reason and isinstance(outcome, GaveUp) and outcome.effect is Effect.REFUSED:
        return Waiting(outcome.fault, effect=Effect.REFUSED)
    return outcome


def _keep_late_report(connection: Connection, job: ExportJob, outcome: Outcome, policy: Policy, now: datetime) -> None:
    if isinstance(outcome, Advanced) and outcome.report_id and job.state is State.STARTING:
        found = ledger.find(connection, job.id)
        if found is None:
            return  # archived, days after its end: nobody could adopt the report, and it has long ended
        if found.report_id == outcome.report_id:
            return  # no late one: it was written before, and only the answer to that commit was lost
        hold = timedelta(seconds=policy.lost_start_seconds)
        orphans.record(connection, job, outcome.report_id, now=now, hold=hold)
