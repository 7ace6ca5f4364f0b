"""Plays a peer's part against the benchmark: workers first, then work on command, then silence until told to stop."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.peers.work import Work


def _say(event: str) -> None:
    sys.stdout.write(json.dumps({"event": event, "at": time.time()}) + "\n")
    sys.stdout.flush()


def accepted() -> None:
    """Tell the benchmark that the first export is accepted."""
    _say("accepted")


def worker_ready() -> None:
    """Tell the peer's main process that this worker takes work now."""
    (Path(Work.given().folder) / "ready" / str(os.getpid())).touch()


def play(ask: Callable[[Work], None], module: str = "") -> None:
    """Start a worker process for each that is wanted by running `module` with the argument `work`, then `ask` on command."""
    work = Work.given()
    ready = Path(work.folder) / "ready"
    for folder in (ready, Path(work.folder) / "files"):
        folder.mkdir()
    command = [sys.executable, "-P", "-m", module, "work"]
    workers = [subprocess.Popen(command, stdout=sys.stderr) for _ in range(work.workers if module else 0)]  # noqa: S603 - our own program
    try:
        while len(list(ready.iterdir())) < len(workers):
            if any(worker.poll() is not None for worker in workers):
                sys.exit("a worker ended before it was ready")
            time.sleep(0.05)
        _say("ready")
        if sys.stdin.readline():
            ask(work)
            sys.stdin.read()
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait()


def is_worker() -> bool:
    """Whether this process is to work, not to ask."""
    return sys.argv[1:] == ["work"]
