"""Hears that a worker is asked to stop."""

import asyncio
import os
import signal
import sys


class Stop:
    """Asks a worker to stop; asked again, it lets nothing finish."""

    def __init__(self) -> None:
        """Nobody has asked yet."""
        self.asked = asyncio.Event()
        self.again = asyncio.Event()

    def ask(self) -> None:
        """Ask, or ask again."""
        (self.again if self.asked.is_set() else self.asked).set()


def stop_on_signals(stop: Stop, *, watch_stdin: bool) -> None:
    """Ask to stop on SIGINT and SIGTERM, and, if told to, when standard input closes because its holder died."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.ask)
    if watch_stdin:
        descriptor = sys.stdin.fileno()

        def look() -> None:
            if not os.read(descriptor, 1024):
                loop.remove_reader(descriptor)
                stop.asked.set()

        loop.add_reader(descriptor, look)
