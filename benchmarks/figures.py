"""Turns what the sandbox witnessed and what the processes used into the figures of one run."""

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from benchmarks.cases import SLOTS, Case
from benchmarks.ideal import makespan, percentile


@dataclass(frozen=True, slots=True)
class Figures:
    """One run, or the medians of several; times in seconds unless the name says otherwise."""

    exports: int
    ideal: float
    makespan: float
    over_ideal: float
    slot_use: float
    polls_an_export: float
    detection_p50_ms: float
    detection_p95_ms: float
    throttled: float
    tokens: float
    cpu_seconds: float
    worker_cpu_seconds: float
    cpu_ms_an_export: float
    sandbox_cpu_seconds: float
    peak_rss_mb: float
    worker_peak_rss_mb: float

    def as_json(self) -> dict[str, Any]:
        """Every figure by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Used:
    """What the contender's processes used between the first request and the last file."""

    seconds: float
    cpu_seconds: float
    worker_cpu_seconds: float
    sandbox_cpu_seconds: float
    peak_bytes: int
    worker_peak_bytes: int


def figures(case: Case, reports: Sequence[dict[str, Any]], stats: dict[str, Any], used: Used) -> Figures:
    """Compute the figures of one run from its reports, in order of acceptance."""
    by_account: defaultdict[str, list[float]] = defaultdict(list)
    for report in reports:
        by_account[report["account"]].append(report["build_seconds"])
    ideal = max(makespan(seconds, SLOTS) for seconds in by_account.values())
    built = sum(sum(seconds) for seconds in by_account.values())
    late = [
        1000 * (report["first_poll_after_finish_at"] - report["finished_at"])
        for report in reports
        if report["first_poll_after_finish_at"] is not None
    ]
    return Figures(
        exports=case.total,
        ideal=ideal,
        makespan=used.seconds,
        over_ideal=used.seconds / ideal,
        slot_use=built / (SLOTS * case.accounts * used.seconds),
        polls_an_export=sum(report["polls"] for report in reports) / len(reports),
        detection_p50_ms=percentile(late, 0.5),
        detection_p95_ms=percentile(late, 0.95),
        throttled=stats["throttled"],
        tokens=stats["tokens"],
        cpu_seconds=used.cpu_seconds,
        worker_cpu_seconds=used.worker_cpu_seconds,
        cpu_ms_an_export=1000 * used.cpu_seconds / case.total,
        sandbox_cpu_seconds=used.sandbox_cpu_seconds,
        peak_rss_mb=used.peak_bytes / 1e6,
        worker_peak_rss_mb=used.worker_peak_bytes / 1e6,
    )


def medians(runs: Sequence[Figures]) -> Figures:
    """The median of each figure."""
    values = {each.name: statistics.median(getattr(run, each.name) for run in runs) for each in fields(Figures)}
    return Figures(**values)
