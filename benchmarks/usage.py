"""Adds up what a contender's processes use: CPU seconds, and the most resident memory at one moment."""

import threading
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

import psutil

_SAMPLE_SECONDS = 0.1


def _family(roots: Iterable[psutil.Process]) -> list[psutil.Process]:
    members: dict[int, psutil.Process] = {}
    for root in roots:
        try:
            members |= {each.pid: each for each in (root, *root.children(recursive=True))}
        except psutil.NoSuchProcess:
            continue
    return list(members.values())


def cpu_seconds(roots: Iterable[psutil.Process]) -> float:
    """User and system seconds of the processes, their living children and the children that they have collected."""
    total = 0.0
    for process in _family(roots):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def resident_bytes(roots: Iterable[psutil.Process]) -> int:
    """The sum of the resident sets; memory that processes share counts once for each."""
    total = 0
    for process in _family(roots):
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


class Meter:
    """Watches processes from the beginning of a block to its end."""

    def __init__(self, roots: Sequence[psutil.Process]) -> None:
        """Watch these and all their children."""
        self._roots = roots
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._before = 0.0
        self.peak_bytes = 0

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds used since the block began."""
        return cpu_seconds(self._roots) - self._before

    def _sample(self) -> None:
        while True:
            self.peak_bytes = max(self.peak_bytes, resident_bytes(self._roots))
            if self._ended.wait(_SAMPLE_SECONDS):
                return

    def __enter__(self) -> Self:
        """Begin."""
        self._before = cpu_seconds(self._roots)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop taking samples."""
        self._ended.set()
        self._thread.join()
