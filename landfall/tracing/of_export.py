"""Tells the life of an export and its steps as spans of one trace, whichever processes they run in."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from landfall.exports.job import ExportJob
from landfall.exports.outcomes import GaveUp, Outcome, Retrying
from landfall.exports.states import State, Step
from landfall.exports.traceparent import Traceparent, kept, life_of, own_trace
from landfall.tracing import spans
from landfall.tracing.spans import Beginning, Kind, Span, Told

_MICROSECOND = timedelta(microseconds=1)
_NANOSECONDS = 1_000_000_000
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00Z")


def life(job: ExportJob) -> Span:
    """The place below which everything hangs that is done for the export in its present life."""
    return Span(_life(job))


@contextmanager
def step(due: Step, job: ExportJob, *, ago: float, runs: bool) -> Iterator[Span]:
    """The span of a step that was taken so many seconds ago; one that is put off, and not run, has none."""
    if not runs:
        yield Span()
        return
    queued = _queued_seconds(job) if due is Step.START else None
    told: Told = {
        "landfall.step": due.value,
        "landfall.attempt": job.attempts,
        "landfall.queue_seconds": queued,
    }
    at = time.time_ns() - int(ago * _NANOSECONDS)
    with spans.span(due.value, Kind.CONSUMER, {**named(job), **told}, at=at) as opened:
        try:
            yield opened
        except asyncio.CancelledError:
            opened.tell({"landfall.outcome": "cut_short"})
            raise


def settled(span: Span, outcome: Outcome, after: ExportJob | None) -> None:
    """Tell what a step came to; `after` is the export then, None where the step came too late to count."""
    fault = outcome.fault
    fails = isinstance(outcome, Retrying | GaveUp)
    span.tell(
        {
            "landfall.outcome": type(outcome).__name__.lower() if after else "fenced",
            "landfall.state": after.state.value if after else None,
            # Waiting is no failure, whatever it waits for, nor is a report that has to be ordered anew.
            "landfall.reason": fault.code if fault and not fails else None,
        }
    )
    if fault and fails:
        span.fail(fault.code)


def ended(job: ExportJob) -> None:
    """Tell of a life that has ended: the span that its steps hang below."""
    recorder = spans.recorder()
    if recorder is None or job.finished_at is None:
        return
    told: Told = {
        **named(job),
        "landfall.state": job.state.value,
        "landfall.polls": job.polls,
        "landfall.file.bytes": job.artifact.bytes if job.artifact else None,
        "landfall.file.rows": job.artifact.rows if job.artifact else None,
    }
    beginning = Beginning(name="export", parent=kept(job), told=told, at=_nanoseconds(job.created_at), own=_life(job))
    span = recorder.open(beginning)
    if job.state is State.FAILED and job.error:
        span.fail(job.error.code)
    span.end(_nanoseconds(job.finished_at))


def named(job: ExportJob) -> Told:
    """The attributes by which every span of an export is found."""
    return {
        "landfall.export.id": job.id,
        "landfall.account": job.account,
        "landfall.vendor": job.vendor,
        "landfall.report_type": job.report_type,
        "landfall.generation": job.generation,
    }


def _life(job: ExportJob) -> Traceparent | None:
    if above := kept(job):
        return above._replace(span_id=life_of(job))
    if recorder := spans.recorder():
        trace = own_trace(job.id)
        return Traceparent(trace, life_of(job), recorder.samples(trace))
    return None


def _queued_seconds(job: ExportJob) -> float | None:
    """From acceptance to the slot, for the first report."""
    if job.generation > 1 or job.deadline_at is None:
        return None
    return (job.deadline_at - job.deadline - job.created_at).total_seconds()


def _nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND * 1000
