"""Counts what this worker does, for Prometheus."""

from collections.abc import Iterable
from itertools import product

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from landfall.exports.job import Artifact, ExportJob
from landfall.exports.outcomes import Advanced, GaveUp, Outcome, Retrying, Waiting, effect_of
from landfall.exports.states import State, Step
from landfall.exports.throttle import Effect

_STEP_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
_LONG_SECONDS = (1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 43_200)
_POLLS = (1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 100)
_LAG_SECONDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
_WEBHOOK_RESULTS = ("delivered", "retried", "failed")
_THROTTLED = frozenset({Effect.SLOTS_FULL, Effect.RATE_LIMITED})
_MOVES = {(State.STARTING, State.EXPORTING), (State.STARTING, State.READY)}


class Metrics:
    """The counters and histograms of one process; docs/reference/metrics.md tells of each."""

    def __init__(self, vendors: Iterable[str] = ()) -> None:
        """Count from zero, for these vendors visibly so: Prometheus sees no increase in a series that begins at 1."""
        disable_created_metrics()  # type: ignore[no-untyped-call]  # prometheus_client leaves it open
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._steps = self._counter("steps", "Steps that were settled.", "step", "outcome", "vendor")
        self._step_seconds = self._histogram("step", "How long steps ran.", _STEP_SECONDS, "step", "vendor")
        self._errors = self._counter("step_errors", "Errors that steps met.", "step", "vendor", "error")
        self._late = self._counter("late_settlements", "Outcomes that came too late to count.", "step", "vendor")
        self._rescued = self._counter("rescued_steps", "Steps taken from silent workers.", "step", "vendor")
        self._throttled = self._counter(
            "throttled_answers", "Answers by which a vendor asked for fewer requests.", "account", "vendor", "reason"
        )
        self._unknown = self._counter("unknown_statuses", "Polls answered with a status that is not known.", "vendor")
        self._finished = self._counter("finished_exports", "Exports that were stored or failed.", "vendor", "state")
        self._queue = self._histogram("queue_wait", "From acceptance to a slot.", _LONG_SECONDS, "vendor")
        self._build = self._histogram("build", "From the start to the finished report.", _LONG_SECONDS, "vendor")
        self._whole = self._histogram("export", "From acceptance to the stored file.", _LONG_SECONDS, "vendor")
        self._polls = Histogram(
            "landfall_stored_export_polls",
            "Polls that a stored export took.",
            ("vendor",),
            buckets=_POLLS,
            registry=self._registry,
        )
        self._bytes = self._counter("stored_bytes", "Bytes of stored files, as they lie in the store.", "vendor")
        self._rows = self._counter("stored_rows", "Records of stored files, without their headers.", "vendor")
        self._webhooks = self._counter("webhook_deliveries", "Webhooks that were sent.", "result")
        self._lag = self._histogram("event_loop_lag", "How late the event loop woke up.", _LAG_SECONDS)
        vendors = tuple(vendors)
        for vendor, state in product(vendors, (State.STORED, State.FAILED)):
            self._finished.labels(vendor, state)
        for vendor in vendors:
            self._unknown.labels(vendor)
        for step, vendor in product(Step, vendors):
            self._rescued.labels(step, vendor)
            self._late.labels(step, vendor)
        for result in _WEBHOOK_RESULTS:
            self._webhooks.labels(result)

    def settled(self, step: Step, job: ExportJob, outcome: Outcome, after: ExportJob | None, seconds: float) -> None:
        """Count a step of `job` that ran for so long; `after` is the export then, None where it came too late."""
        asked = not isinstance(outcome, Waiting) or outcome.asked
        if after is None:
            self._late.labels(step, job.vendor).inc()
        else:
            self._steps.labels(step, _name_of(outcome), job.vendor).inc()
            self._count_move(job, outcome, after)
        if asked:
            self._step_seconds.labels(step, job.vendor).observe(seconds)
            if fault := outcome.fault:
                self._errors.labels(step, job.vendor, fault.code).inc()
        if isinstance(outcome, Waiting) and outcome.note:
            self._unknown.labels(job.vendor).inc()
        effect = effect_of(job, outcome)
        if effect in _THROTTLED:
            self._throttled.labels(job.account, job.vendor, effect).inc()

    def rescued(self, step: Step | None, after: ExportJob) -> None:
        """Count a step that was taken from a silent worker; `after` is the export then."""
        self._rescued.labels(step, after.vendor).inc()
        if after.state is State.FAILED:
            self._finished.labels(after.vendor, after.state).inc()

    def webhook_answered(self, result: str) -> None:
        """Count an attempt to deliver a webhook, by what came of it: one of a few fixed words."""
        self._webhooks.labels(result).inc()

    def woke_late(self, seconds: float) -> None:
        """Count how much later than asked for the event loop woke up."""
        self._lag.observe(seconds)

    def text(self) -> str:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry).decode()

    def _count_move(self, job: ExportJob, outcome: Outcome, after: ExportJob) -> None:
        if (job.state, after.state) in _MOVES and job.generation == 1 and job.deadline_at:
            admitted_at = job.deadline_at - job.deadline
            self._queue.labels(job.vendor).observe((admitted_at - job.created_at).total_seconds())
        if after.state is State.READY and job.state is State.EXPORTING and job.started_at and after.due_at:
            told = outcome.build_seconds if isinstance(outcome, Advanced) else None
            seen = (after.due_at - job.started_at).total_seconds()
            self._build.labels(job.vendor).observe(seen if told is None else min(told, seen))
        if after.state is State.STORED and after.artifact:
            self._count_file(after, after.artifact)
        if after.state in {State.STORED, State.FAILED}:
            self._finished.labels(after.vendor, after.state).inc()

    def _count_file(self, job: ExportJob, artifact: Artifact) -> None:
        self._polls.labels(job.vendor).observe(job.polls)
        self._bytes.labels(job.vendor).inc(artifact.bytes)
        self._rows.labels(job.vendor).inc(artifact.rows)
        if job.finished_at:
            self._whole.labels(job.vendor).observe((job.finished_at - job.created_at).total_seconds())

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(f"landfall_{name}", told, labels, registry=self._registry)

    def _histogram(self, name: str, told: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"landfall_{name}_seconds", told, labels, buckets=buckets, registry=self._registry)


def _name_of(outcome: Outcome) -> str:
    match outcome:
        case Advanced():
            return "advanced"
        case Waiting(asked=False):
            return "put_off"
        case Waiting():
            return "waiting"
        case Retrying():
            return "retrying"
        case GaveUp():
            return "gave_up"
