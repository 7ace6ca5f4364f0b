"""Watches how much memory a process takes while something happens to it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil


@dataclass
class Memory:
    """Resident bytes: at first, and the most that was seen."""

    before: int
    most: int = 0

    @property
    def more(self) -> int:
        """By how much it grew, at its largest."""
        return max(0, self.most - self.before)


@contextmanager
def watched(pid: int, *, every: float = 0.002) -> Iterator[Memory]:
    """Look at the process every few milliseconds until the block ends."""
    process = psutil.Process(pid)
    memory = Memory(process.memory_info().rss)
    end = threading.Event()

    def look() -> None:
        while not end.wait(every):
            memory.most = max(memory.most, process.memory_info().rss)

    watching = threading.Thread(target=look)
    watching.start()
    try:
        yield memory
    finally:
        end.set()
        watching.join()
