"""Puts what the rows of the fault matrix measured into one table."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pytest

ROW = "row of the fault matrix"
_HEAD = ("row", "fault", "on", "injected", "lost", "twice", "partial", "started", "back in", "verdict", "more")
_WIDEST = 60


@dataclass
class Figures:
    """What a row came to: exports and files, except `most_started` (reports at once) and `back_in` (seconds).

    `slots_held` are slots that never came back, `wrong_sums` files that are not what the vendor made of the export,
    `back_in` the longest time from a fault to the next event of an export that it met.
    """

    injected: int
    lost: int
    twice: int
    partial: int
    wrong_sums: int
    most_started: int
    slots_held: int
    back_in: float | None

    def broken(self) -> list[str]:
        """What of the promise was not kept, in words."""
        found = {
            "nothing injected": not self.injected,
            "lost": self.lost,
            "published twice": self.twice,
            "partial files seen": self.partial,
            "wrong checksums": self.wrong_sums,
            f"{self.most_started} STARTED at once": self.most_started > 5,
            "slots not back": self.slots_held,
            f"back in {self.back_in} s": (self.back_in or 0.0) > 20.0,
        }
        return [f"{words} {count}" if type(count) is int else words for words, count in found.items() if count]


@dataclass
class Line:
    """One line of the table, put together from the reports of one test."""

    row: int = 0
    fault: str = ""
    database: str = ""
    figures: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    verdict: str = "not run"
    success: str = "kept"

    def take(self, report: pytest.TestReport) -> None:
        for name, told in report.user_properties:
            if name == ROW and isinstance(told, dict):
                for key, value in told.items():
                    setattr(self, key, value)
        if report.skipped:
            self.verdict = f"skipped: {_reason(report)}"
        elif report.failed:
            self.verdict = "BROKEN" if report.when == "call" else f"error in {report.when}"
        elif report.when == "call":
            self.verdict = self.success

    def cells(self) -> Sequence[str]:
        shown = [self.figures.get(name, "") for name in ("injected", "lost", "twice", "partial", "most_started")]
        back_in = self.figures.get("back_in")
        more = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in self.more.items())
        seconds = "" if back_in is None else f"{back_in:.1f} s"
        return [str(self.row), self.fault[:_WIDEST], self.database, *map(str, shown), seconds, self.verdict, more]


def told(database: str, figures: Figures | None, more: dict[str, Any]) -> dict[str, Any]:
    """What goes into a test's report: plain values only, for it may travel between processes."""
    return {"database": database, "figures": asdict(figures) if figures else {}, "more": more}


def table(lines: Iterable[Line]) -> list[str]:
    rows = [_HEAD, *(line.cells() for line in sorted(lines, key=lambda line: (line.row, line.fault, line.database)))]
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(_HEAD))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() for cells in rows]


def _reason(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return str(report.longrepr)
