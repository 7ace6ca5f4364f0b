"""Runs the checks side by side, and waits for none that hangs."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping

from cli.doctor.finding import Finding, error

LONGEST_SECONDS = 9.0

Look = Callable[[], Iterable[Finding]]


def look_at_all(looks: Mapping[str, Look]) -> list[Finding]:
    """The findings of all checks, in their order; one that fails or takes too long is an error itself."""
    found: dict[str, list[Finding]] = {}
    # A thread that hangs must not keep the process from ending.
    threads = {
        name: threading.Thread(target=_take, args=(name, look, found), daemon=True) for name, look in looks.items()
    }
    for thread in threads.values():
        thread.start()
    end = time.monotonic() + LONGEST_SECONDS
    for thread in threads.values():
        thread.join(max(0.0, end - time.monotonic()))
    return [finding for name in looks for finding in found.get(name, [_silent(name)])]


def _take(name: str, look: Look, found: dict[str, list[Finding]]) -> None:
    try:
        found[name] = list(look())
    except Exception as problem:  # noqa: BLE001 - whatever it is, the other checks have their say
        words = " ".join(str(problem).split())
        found[name] = [error(name, f"the check failed: {type(problem).__name__}: {words}", "report it, it is a defect")]


def _silent(name: str) -> Finding:
    return error(name, f"no answer within {LONGEST_SECONDS:g} s", "look at the network and at what the settings name")
