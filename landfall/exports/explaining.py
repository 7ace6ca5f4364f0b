"""Explains in words and data why an export stands where it stands, and what is likely to come."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from landfall.exports.circumstances import (
    Circumstances,
    Detail,
    Expected,
    Explanation,
    Line,
    moment,
    ordinal,
    span,
)
from landfall.exports.expecting import seconds_until_start
from landfall.exports.hindrances import held_until, hindrances
from landfall.exports.job import ExportJob, Fault
from landfall.exports.states import TERMINAL, State

# A message travels for a moment, and a worker may have its hands full.
_OVERDUE = timedelta(seconds=10)
_RUNS = {
    State.STARTING: ("starting", "A worker is asking the vendor to start the report"),
    State.EXPORTING: ("polling", "A worker is asking the vendor whether the report is finished"),
    State.READY: ("downloading", "A worker is fetching the file"),
}
_STEPS = {State.STARTING: "start", State.EXPORTING: "poll", State.READY: "download"}
_NEW_REPORT = "--from start"
_ROOM = frozenset({"storage_full", "storage_read_only"})


def explain(known: Circumstances) -> Explanation:
    """Why the export stands as it does; the summary is the first of its sentences."""
    details = list(_EXPLAIN[known.job.state](known))
    if known.job.state not in TERMINAL:
        details += _around(known)
    if known.archived:
        details.append(Detail("archived", "It is archived: found by its id, listed nowhere."))
    expected = Expected() if known.job.state in TERMINAL else _expected(known)
    return Explanation(_summary(details, expected), details, expected)


def _summary(details: list[Detail], expected: Expected) -> str:
    parts = [details[0].text.rstrip(".")]
    parts += [f"{ordinal(detail.data['place'])} in the queue" for detail in details if detail.code == "queue"]
    if any(detail.code == "no_worker" for detail in details):
        parts.append("no worker was heard of lately")
    elif expected.start_at:
        parts.append(f"expected start about {moment(expected.start_at)}")
    return "; ".join(parts) + "."


def _queued(known: Circumstances) -> Iterator[Detail]:
    line, job = known.line, known.job
    found = list(hindrances(job.account, line, known.now)) if line else []
    yield from found
    if not found:
        yield Detail("next", "A slot is free: the next look of a worker gives it away.")
    if line and line.place:
        about = "at least " if line.more else ""
        text = f"It is {about}{ordinal(line.place)} in the queue of account {job.account}."
        yield Detail("queue", text, {"place": line.place, "priority": job.priority})
    if job.error:
        yield _met(job, job.error, "It was sent back to the queue")


def _running(known: Circumstances) -> Iterator[Detail]:
    job = known.job
    code, words = _RUNS[job.state]
    step = _STEPS[job.state]
    if job.leased and job.due_at:
        yield Detail(
            f"{code}",
            f"{words} (attempt {job.attempts}); it is taken from a worker that is not heard of by {moment(job.due_at)}.",
            {"attempt": job.attempts, "lease_until": job.due_at},
        )
    elif job.error and job.due_at and job.due_at > known.now:
        yield _waits_to_retry(job, job.error, step)
    elif job.state is State.EXPORTING and job.due_at and job.due_at > known.now:
        yield _asked(job)
    else:
        yield _due(job, step, known.now)
    if job.state is State.EXPORTING:
        yield from _building(known)


def _waits_to_retry(job: ExportJob, fault: Fault, step: str) -> Detail:
    code = "waits_for_room" if fault.code in _ROOM else "retry_waits"
    begun = f"Its {step} met {fault.code}: {fault.message.rstrip('.')}."
    failed = f", after {job.attempts} failed attempts" if job.attempts else ""
    again = f" It is tried again at {moment(job.due_at)}{failed}." if job.due_at else ""
    data = {"step": step, "attempts": job.attempts, "next_at": job.due_at, "error": _fault(fault)}
    return Detail(code, f"{begun}{again} {fault.action}", data)


def _asked(job: ExportJob) -> Detail:
    last = f", last at {moment(job.polled_at)}" if job.polled_at else ""
    next_ = f"; the next question is due at {moment(job.due_at)}" if job.due_at else ""
    text = f"The vendor is building the report: asked {job.polls} times{last}{next_}."
    return Detail("building", text, {"polls": job.polls, "last_at": job.polled_at, "next_at": job.due_at})


def _due(job: ExportJob, step: str, now: datetime) -> Detail:
    since = job.due_at or now
    data = {"step": step, "due_at": job.due_at}
    if now - since > _OVERDUE:
        late = f"Its {step} has been due since {moment(since)}, and no worker has taken it yet."
        return Detail("overdue", late, data)
    return Detail("due", f"Its {step} is due, and goes to the next worker that is free.", data)


def _building(known: Circumstances) -> Iterator[Detail]:
    job, usual = known.job, known.usual
    if job.started_at is None:
        return
    waited = (known.now - job.started_at).total_seconds()
    yield Detail("started", f"It has been building for {span(waited)}.", {"since": job.started_at, "seconds": waited})
    if usual is None:
        yield Detail("no_build_times", f"How long reports of kind {job.report_type} build is not known yet.")
        return
    text = (
        f"Of the last {usual.reports} reports of kind {job.report_type} half were built within {span(usual.median)}, "
        f"nine of ten within {span(usual.mostly)}."
    )
    data = {"median_seconds": usual.median, "mostly_seconds": usual.mostly, "reports": usual.reports}
    yield Detail("usual_build_time", text, data)
    if waited > usual.mostly:
        yield Detail("longer_than_usual", f"It takes longer than usual, by {span(waited - usual.mostly)}.")


def _stored(known: Circumstances) -> Iterator[Detail]:
    job, file = known.job, known.job.artifact
    if file is None:
        yield Detail("stored", "It is stored.")
        return
    rows = "no rows" if file.empty else f"{file.rows} rows"
    at = f" since {moment(job.finished_at)}" if job.finished_at else ""
    data = {"uri": file.uri, "rows": file.rows, "bytes": file.bytes, "since": job.finished_at}
    yield Detail("stored", f"It is stored{at}: {rows}, {file.bytes} bytes, at {file.uri}.", data)
    if file.removed_at:
        text = f"Retention removed the file on {moment(file.removed_at)}; submit the request again for another."
        yield Detail("file_removed", text, {"at": file.removed_at})
    if file.header_changed:
        yield Detail("header_changed", "Its columns are not those of the last file of its kind.")


def _failed(known: Circumstances) -> Iterator[Detail]:
    job, last = known.job, known.last
    fault = job.error or Fault("unknown", "nothing is known of it", "Look at its timeline.")
    where = f" in its {last.step}" if last and last.step else ""
    at = f" on {moment(job.finished_at)}" if job.finished_at else ""
    text = f"It failed{where}{at}: {fault.code}: {fault.message.rstrip('.')}."
    data = {
        "step": last.step if last else None,
        "attempts": job.attempts,
        "at": job.finished_at,
        "error": _fault(fault),
    }
    yield Detail("failed", text, data)
    yield Detail("what_helps", fault.action)
    if not known.archived:
        yield Detail("retry", _retry(job.id, fault))


def _retry(export_id: str, fault: Fault) -> str:
    if _NEW_REPORT in fault.action:
        return f"`landfall retry {export_id} {_NEW_REPORT}` orders the new report."
    return f"Once that is done, `landfall retry {export_id}` has it tried again from there."


def _cancelled(known: Circumstances) -> Iterator[Detail]:
    job, last = known.job, known.last
    at = f" on {moment(job.finished_at)}" if job.finished_at else ""
    by = last.note if last and last.kind == "cancel" else None
    text = f"It was cancelled{at}{f' {by}' if by else ''}."
    yield Detail("cancelled", text, {"at": job.finished_at, "by": by})
    if not known.archived:
        yield Detail("retry", f"`landfall retry {job.id}` takes it up again.")


def _around(known: Circumstances) -> Iterator[Detail]:
    """What bears on every export that is under way."""
    job = known.job
    if job.state is not State.QUEUED and known.line:
        wrong = {"breaker_open", "breaker_half_open", "account_blocked"}
        yield from (each for each in hindrances(job.account, known.line, known.now) if each.code in wrong)
    if known.workers == 0:
        yield Detail("no_worker", "No worker was heard of lately: start one (`landfall worker`), or look at its log.")
    if job.crashes:
        yield Detail("workers_died", f"{job.crashes} workers fell silent in this step.", {"crashes": job.crashes})
    if job.deadline_at:
        text = f"It is given up if it is not done by {moment(job.deadline_at)}, its deadline."
        yield Detail("deadline", text, {"at": job.deadline_at})


def _met(job: ExportJob, fault: Fault, what: str) -> Detail:
    text = f"{what}: {fault.code}: {fault.message.rstrip('.')}. {fault.action}"
    return Detail("last_error", text, {"attempts": job.attempts, "error": _fault(fault)})


def _fault(fault: Fault) -> dict[str, str]:
    return {"code": fault.code, "message": fault.message, "action": fault.action}


def _expected(known: Circumstances) -> Expected:
    job, now, usual = known.job, known.now, known.usual
    build = timedelta(seconds=usual.median) if usual else None
    if job.state is State.QUEUED:
        # Without a worker nothing is started, whatever the queue looks like.
        start = _start(known.line, now, build) if known.line and known.workers != 0 else None
        return Expected(start_at=start, built_at=start + build if start and build else None)
    built = job.started_at + build if job.started_at and build and job.state is State.EXPORTING else None
    next_step = None if job.leased else job.due_at
    return Expected(built_at=built if built and built > now else None, next_step_at=next_step)


def _start(line: Line, now: datetime, build: timedelta | None) -> datetime | None:
    if line.throttle.paused_at or line.place is None:
        return None
    gate = held_until(line.throttle, now)
    known = [each.seconds for each in line.holders if each.seconds is not None]
    free = line.throttle.slots - line.used
    if line.place <= free:
        return gate or now
    if build is None or line.used > len(line.holders) or len(known) < len(line.holders):
        return None
    seconds = seconds_until_start(line.place, known, line.throttle.slots, build.total_seconds())
    return max(now + timedelta(seconds=seconds), gate or now)


_EXPLAIN: Mapping[State, Callable[[Circumstances], Iterator[Detail]]] = {
    State.QUEUED: _queued,
    State.STARTING: _running,
    State.EXPORTING: _running,
    State.READY: _running,
    State.STORED: _stored,
    State.FAILED: _failed,
    State.CANCELLED: _cancelled,
}
