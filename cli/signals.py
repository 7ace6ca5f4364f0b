"""Waits for signals and time without polling: a signal ends a wait at once."""

import os
import select
import signal
from types import FrameType
from typing import Self

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Watch:
    """Counts the requests to end: SIGINT, SIGTERM, SIGHUP and, if asked, the end of standard input.

    A context manager: the signals are watched inside its block only.
    """

    def __init__(self, *, stdin: bool) -> None:
        """Watch nothing yet."""
        self.requests = 0
        self.interrupted = False  # whether one of them was Ctrl-C
        self._watched = [0] if stdin else []
        self._read, self._write = os.pipe()

    def __enter__(self) -> Self:
        """Begin."""
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in _ENDING:
            signal.signal(number, self._count)
        signal.signal(signal.SIGCHLD, _wake)
        return self

    def __exit__(self, *_: object) -> None:
        """Give the signals back."""
        signal.set_wakeup_fd(-1)
        for number in (*_ENDING, signal.SIGCHLD):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        os.close(self._read)
        os.close(self._write)

    def wait(self, seconds: float) -> None:
        """Wait for a signal, the death of a child, the end of standard input or the time to pass."""
        ready, _, _ = select.select([self._read, *self._watched], [], [], seconds)
        if self._read in ready:
            os.read(self._read, 512)
        if 0 in ready and not os.read(0, 512):
            self._watched = []
            self.requests += 1

    def _count(self, number: int, _frame: FrameType | None) -> None:
        self.requests += 1
        self.interrupted |= number == signal.SIGINT


def _wake(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the wake-up descriptor has ended the wait."""
