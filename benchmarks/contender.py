"""Says what every contender offers, and measures one on one case."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import psutil

from benchmarks.cases import Case
from benchmarks.errors import NotFinishedError
from benchmarks.figures import Figures, Used, figures
from benchmarks.usage import Meter
from benchmarks.vendor import Vendor, run_vendor

SEED = 7
_EARLIER_SEED = 1007
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a contender finds what it needs."""

    home: Path
    vendor: Vendor
    case: Case
    variables: Mapping[str, str]


class Session(Protocol):
    """A contender that is up and waits for work."""

    @property
    def processes(self) -> list[psutil.Process]:
        """All its processes' roots; Redis, Postgres and the sandbox are none of them."""

    @property
    def workers(self) -> list[psutil.Process]:
        """The roots that do the steps."""

    def ask(self, exports: int) -> float:
        """Ask for so many exports of each account; returns the epoch seconds at which the first was accepted."""

    def stored_at(self) -> list[float]:
        """The epoch seconds at which the files of the last `ask` were stored, of those that are."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A name for the table, the case that it runs, and how it is started."""

    name: str
    title: str
    case: Case
    open: Callable[[Setting], AbstractContextManager[Session]]
    peer: bool = True
    default: bool = True


def measure(contender: Contender, case: Case, variables: Mapping[str, str]) -> Figures:
    """Run the contender once. Raises NotFinishedError."""
    with (
        TemporaryDirectory(prefix="bench-") as folder,
        run_vendor(case.mean, _EARLIER_SEED if case.earlier else SEED, case.answer_seconds) as vendor,
        contender.open(Setting(Path(folder), vendor, case, variables)) as session,
    ):
        if case.earlier:
            session.ask(case.earlier)
            _wait(session, vendor, case.earlier, case.patience)
            vendor.restart(SEED)
        return _measured(session, vendor, case)


def _measured(session: Session, vendor: Vendor, case: Case) -> Figures:
    with (
        Meter(session.processes) as all_processes,
        Meter(session.workers) as workers,
        Meter(vendor.processes) as sandbox,
    ):
        accepted_at = session.ask(case.exports)
        last = _wait(session, vendor, case.total, case.patience)
        used = Used(
            seconds=last - accepted_at,
            cpu_seconds=all_processes.cpu_seconds,
            worker_cpu_seconds=workers.cpu_seconds,
            sandbox_cpu_seconds=sandbox.cpu_seconds,
            peak_bytes=all_processes.peak_bytes,
            worker_peak_bytes=workers.peak_bytes,
        )
    return figures(case, vendor.reports(), vendor.stats(), used)


def _wait(session: Session, vendor: Vendor, count: int, patience: float) -> float:
    """Wait until so many files are stored; the sandbox tells first, so that looking costs the contender nothing."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if vendor.stats()["whole_downloads"] >= count and len(stored := session.stored_at()) >= count:
            return max(stored)
        time.sleep(_LOOK_SECONDS)
    raise NotFinishedError(f"{len(session.stored_at())} of {count} stored in {patience:.0f} s")
