"""Holds what one row of the fault matrix runs on: its processes, what it injected, what it was promised."""

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from landfall.failpoints import FOLDER, VARIABLE
from tests.faults.figures import Figures, told
from tests.stack import PATIENCE_SECONDS, ROOT, Stack, until

BOTH = ("sqlite", "postgres")
MUTANTS = Path(__file__).parent / "mutants"
CALLS = "sandbox.log"
LIVE = ("queued", "starting", "exporting", "ready")
_LAST_WORDS = 6000


@dataclass(frozen=True)
class Terms:
    """What a row's mark says: `@pytest.mark.faults(row, fault, mutant=…, sandbox=…, settings=…, accounts=…, api=…)`.

    `sandbox` are more of its flags, `settings` variables of every process, `accounts` more TOML. A `mutant` names the
    folder in tests/faults/mutants whose sitecustomize.py spoils every process of the row. Without `api` none is started.
    In `accounts` $buy_with_prime and $intelligems stand for the sandbox's base URLs.
    """

    row: int
    fault: str
    mutant: str = ""
    sandbox: Sequence[str] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    accounts: str = ""
    api: bool = True

    @classmethod
    def of(cls, item: pytest.Item) -> "Terms | None":
        mark = item.get_closest_marker("faults")
        return cls(*mark.args, **mark.kwargs) if mark and mark.args else None

    @property
    def success(self) -> str:
        """The verdict of a test that passes."""
        return "noticed" if self.mutant else "kept"

    @property
    def title(self) -> str:
        return f"{self.fault}, mutant {self.mutant}" if self.mutant else self.fault


@dataclass
class Row:
    """One row while it runs. `accepted` are the exports that were promised, `victims` those that a fault met.

    `victims` may stay empty: then the time back is that until any export moves. `odd_files` are the bytes that were to be
    stored of exports whose vendor was made to send something else than its report.
    """

    terms: Terms
    stack: Stack
    marks: Path
    rng: random.Random
    sizes: dict[Path, int]
    accepted: list[str] = field(default_factory=list)
    victims: list[str] = field(default_factory=list)
    odd_files: dict[str, bytes] = field(default_factory=dict)
    moments: list[float] = field(default_factory=list)
    injected: Counter[str] = field(default_factory=Counter)
    more: dict[str, Any] = field(default_factory=dict)
    figures: Figures | None = None

    # --- processes

    def start_worker(self, failpoints: str = "", **settings: str) -> subprocess.Popen[bytes]:
        return self.stack.start("worker", **self._armed(failpoints), **settings)

    def start_workers(self, count: int, failpoints: str = "", **settings: str) -> list[subprocess.Popen[bytes]]:
        """Start so many and wait until they work: what a fault costs shall not hold the start of a process."""
        ready = self._ready_workers()
        workers = [self.start_worker(failpoints, **settings) for _ in range(count)]
        if not wait(lambda: self._ready_workers() == ready + count, PATIENCE_SECONDS):
            raise AssertionError(f"{count} workers are not ready: {self.last_words()}")
        return workers

    def _ready_workers(self) -> int:
        log = self.stack.home / "worker.log"
        return log.read_text(encoding="utf-8").count('"worker ready"') if log.exists() else 0

    def start_api(self, failpoints: str = "", **settings: str) -> subprocess.Popen[bytes]:
        return self.stack.start_api(**self._armed(failpoints), **settings)

    def _armed(self, failpoints: str) -> dict[str, str]:
        mutant = str(MUTANTS / self.terms.mutant) + os.pathsep if self.terms.mutant else ""
        return {VARIABLE: failpoints, FOLDER: str(self.marks), "PYTHONPATH": f"{mutant}{ROOT}"}

    # --- exports

    def submit(self, count: int = 1, account: str = "shop-bwp", **more: Any) -> list[str]:
        """Ask for so many exports, each another request."""
        first = len(self.accepted)
        ids = [self.stack.submit(account, first + number, **more) for number in range(count)]
        self.accepted += ids
        return ids

    def submit_until_refused(self) -> httpx.Response:
        """Ask for one export after the other until the API takes none; its answer to that one."""
        while True:
            answer = self.stack.ask(number=len(self.accepted))
            if answer.status_code != 202:
                return answer
            self.accepted.append(str(answer.json()["id"]))

    def is_over(self) -> bool:
        """Whether no export of this row is on its way any more; False while the API cannot tell."""
        try:
            answer = self.stack.get("/v1/exports", params=[("limit", "1"), *(("state", state) for state in LIVE)])
        except httpx.TransportError:
            return False
        return answer.status_code == 200 and not answer.json()["items"]

    def until_over(self, seconds: float = 60.0) -> None:
        until(self.is_over, "the end of all exports", seconds)

    def kinds(self, export_id: str) -> list[str]:
        """What the export's timeline tells, in order, from `accept` on."""
        return [event["kind"] for event in self.stack.events(export_id)]

    def starts(self) -> int:
        """Reports of Buy with Prime that the vendor was ordered to make."""
        return int(self.stack.sandbox.stats()["starts"]["buy_with_prime"])

    def calls(self) -> list[dict[str, Any]]:
        """What reached the sandbox, as its own log tells: time, vendor, account, operation, report, status, fault."""
        lines = (self.stack.home.parent / CALLS).read_text(encoding="utf-8").splitlines()
        return sorted((json.loads(line) for line in lines), key=lambda call: float(call["time"]))

    def fenced(self) -> int:
        """Late results that the workers tell of: nothing was written of them."""
        return self.stack.log("worker").count('"outcome": "fenced"')

    def account(self, name: str = "shop-bwp") -> dict[str, Any]:
        items = self.stack.get("/v1/accounts").json()["items"]
        return dict(next(each for each in items if each["name"] == name))

    # --- faults

    def strikes(self, place: str = "*") -> list[float]:
        """When failpoints struck, at one place or at any."""
        return sorted(path.stat().st_mtime for path in self.marks.glob(f"{place}.[0-9]*"))

    def until_struck(self, place: str, times: int = 1) -> None:
        until(lambda: len(self.strikes(place)) >= times, f"{times} strikes at {place}")

    def inject(self, what: str) -> None:
        """Note a fault that the test itself is about to make."""
        self.injected[what] += 1
        self.moments.append(time.time())

    def terminate(self, process: subprocess.Popen[bytes]) -> int:
        """SIGTERM; returns the exit code."""
        self.inject("SIGTERM")
        process.terminate()
        return self.end_of(process)

    def kill_redis(self) -> None:
        """SIGKILL the embedded Redis; whoever misses it starts another."""
        pid = int((self.stack.home / "redis" / "redis.pid").read_text(encoding="ascii"))
        self.inject("SIGKILL of Redis")
        os.kill(pid, signal.SIGKILL)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        self.inject("SIGKILL")
        process.kill()
        process.wait()

    def until_one_ends(self, processes: Sequence[subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        """The first of them that has ended."""
        return until(
            lambda: next((each for each in processes if each.poll() is not None), None), "the end of a process"
        )

    def until_one_stops(self, processes: Sequence[subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        """The first of them that was stopped."""
        return until(lambda: next((each for each in processes if self.is_stopped(each)), None), "a stopped process")

    def end_of(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for a process that a failpoint or a signal ends; its exit code."""
        return process.wait(60)

    def is_stopped(self, process: subprocess.Popen[bytes]) -> bool:
        return Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "T"

    def until_stopped(self, process: subprocess.Popen[bytes]) -> None:
        until(lambda: self.is_stopped(process), "a stopped process")

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        self.inject("SIGSTOP")
        process.send_signal(signal.SIGSTOP)
        self.until_stopped(process)

    def resume(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGCONT)

    @property
    def all_injected(self) -> int:
        return self.injected.total() + len(self.strikes())

    @property
    def all_moments(self) -> list[float]:
        return sorted([*self.moments, *self.strikes()])

    # --- figures

    def last_words(self) -> str:
        """The end of each process's log."""
        logs = sorted(self.stack.home.glob("*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text(encoding='utf-8')[-_LAST_WORDS:]}" for log in logs)

    def note(self, **figures: Any) -> None:
        """Show more figures in the table's last column."""
        self.more |= figures

    def told(self) -> dict[str, Any]:
        url = self.stack.settings.get("LANDFALL_DATABASE_URL", "")
        database = "Postgres" if url.startswith("postgres") else "SQLite"
        return told(database, self.figures, self.more)


def store_of(home: Path) -> Path:
    """Where a stack keeps its files."""
    return home / "files"


def wait(look: Callable[[], bool], seconds: float) -> bool:
    """Whether it came true in time."""
    try:
        until(look, "", seconds)
    except AssertionError:
        return False
    return True
