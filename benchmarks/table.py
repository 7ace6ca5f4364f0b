"""Prints the figures as a Markdown table."""

from collections.abc import Callable, Iterable

from benchmarks.figures import Figures

_COLUMNS: dict[str, Callable[[Figures], str]] = {
    "exports": lambda run: f"{run.exports:.0f}",
    "ideal s": lambda run: f"{run.ideal:.1f}",
    "makespan / ideal": lambda run: f"{run.over_ideal:.2f}",
    "slot use": lambda run: f"{run.slot_use:.2f}",
    "polls an export": lambda run: f"{run.polls_an_export:.1f}",
    "detection p50 / p95 ms": lambda run: f"{run.detection_p50_ms:.0f} / {run.detection_p95_ms:.0f}",
    "throttled": lambda run: f"{run.throttled:.0f}",
    "CPU s (workers)": lambda run: f"{run.cpu_seconds:.1f} ({run.worker_cpu_seconds:.1f})",
    "CPU ms an export": lambda run: f"{run.cpu_ms_an_export:.1f}",
    "peak RSS MB (workers)": lambda run: f"{run.peak_rss_mb:.0f} ({run.worker_peak_rss_mb:.0f})",
}


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def heading() -> str:
    """The first two lines of the table."""
    names = ["contender", *_COLUMNS]
    return "\n".join([_line(names), _line(["---", *["---:"] * len(_COLUMNS)])])


def row(title: str, run: Figures) -> str:
    """The line of one contender."""
    return _line([title, *(show(run) for show in _COLUMNS.values())])


def failure(title: str, why: str) -> str:
    """The line of a contender that has no figures."""
    return _line([title, " ".join(why.split()), *[""] * (len(_COLUMNS) - 1)])
