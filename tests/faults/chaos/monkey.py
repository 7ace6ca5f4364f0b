"""Kills, stops and restarts what an installation consists of, in an order that its seed decides."""

import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from redis import Redis
from redis.exceptions import RedisError

from landfall.transport.embedded import EmbeddedRedis
from tests.faults.chaos.accounts import Account
from tests.faults.chaos.vendor_faults import misbehave
from tests.faults.row import Row
from tests.services.postgres import Postgres
from tests.stack import until

WORKERS = 4
_PAUSES = (0.3, 2.0)
_DOWN_SECONDS = (0.3, 4.0)
_STOPPED_SECONDS = (1.0, 8.0)
_MOST_STOPPED = 2


@dataclass
class _Worker:
    """One of the four places, and the process that has it now."""

    process: "subprocess.Popen[bytes]"
    resumes_at: float | None = None


@dataclass
class Monkey:
    """Does something wrong again and again, and puts a worker into each place that is empty.

    While one is still starting, no other worker is harmed: how long a process takes to start is not what is tried here.

    `ended` counts workers that ended without being told to, by exit code.
    """

    row: Row
    postgres: Postgres
    accounts: list[Account]
    vendor_faults: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    _workers: list[_Worker] = field(default_factory=list)
    _started: int = 0

    def begin(self) -> None:
        self._workers = [_Worker(process) for process in self.row.start_workers(WORKERS)]
        self._started = WORKERS

    def act_until(self, is_over: Callable[[], bool]) -> None:
        """Do one thing after another until it is over."""
        names, weights = tuple(_ACTIONS), [weight for weight, _ in _ACTIONS.values()]
        rng = self.row.rng
        while not is_over():
            (name,) = rng.choices(names, weights)
            _ACTIONS[name][1](self)
            self._look_after_until(time.monotonic() + rng.uniform(*_PAUSES))

    def make_peace(self) -> None:
        """Let everybody work again, and do nothing more."""
        for worker in self._workers:
            self._resume(worker)
        self._fill_places()

    def _look_after_until(self, moment: float) -> None:
        while time.monotonic() < moment:
            for worker in self._workers:
                if worker.resumes_at is not None and time.monotonic() >= worker.resumes_at:
                    self._resume(worker)
            self._fill_places()
            time.sleep(0.05)

    def _fill_places(self) -> None:
        for place, worker in enumerate(self._workers):
            if (code := worker.process.poll()) is not None:
                self.ended[f"exit code {code}"] += 1
                self._replace(place)

    def _replace(self, place: int) -> None:
        self._workers[place] = _Worker(self.row.start_worker())
        self._started += 1

    def _all_are_ready(self) -> bool:
        """Whether every worker that was ever started has come to work, or has ended."""
        alive = all(worker.process.poll() is None for worker in self._workers)
        return alive and self.row._ready_workers() + self.ended.total() >= self._started

    def _choose(self) -> int:
        return self.row.rng.randrange(len(self._workers))

    def _resume(self, worker: _Worker) -> None:
        if worker.resumes_at is not None:
            self.row.resume(worker.process)
            worker.resumes_at = None

    def kill_worker(self) -> None:
        place = self._choose()
        if self._all_are_ready():
            self.row.kill(self._workers[place].process)
            self._replace(place)

    def restart_worker(self) -> None:
        """Told to stop, it drains; another one has its place at once."""
        place = self._choose()
        if self._all_are_ready():
            worker = self._workers[place]
            self._resume(worker)
            self.row.inject("SIGTERM")
            worker.process.terminate()
            self._replace(place)

    def stop_worker(self) -> None:
        worker = self._workers[self._choose()]
        stopped = sum(each.resumes_at is not None for each in self._workers)
        if worker.resumes_at is None and stopped < _MOST_STOPPED and self._all_are_ready():
            self.row.inject("SIGSTOP")
            worker.process.send_signal(signal.SIGSTOP)
            worker.resumes_at = time.monotonic() + self.row.rng.uniform(*_STOPPED_SECONDS)

    def flush_redis(self) -> None:
        redis = Redis.from_url(EmbeddedRedis(self.row.stack.home).url)
        try:
            redis.flushall()
        except RedisError:
            return
        finally:
            redis.close()
        self.row.inject("FLUSHALL")

    def kill_redis(self) -> None:
        """The workers start another."""
        if EmbeddedRedis(self.row.stack.home).alive():
            self.row.kill_redis()

    def crash_postgres(self) -> None:
        self.row.inject("immediate stop of Postgres")
        self.postgres.stop(signal.SIGQUIT)
        self._look_after_until(time.monotonic() + self.row.rng.uniform(*_DOWN_SECONDS))
        self.postgres.start()
        until(self._is_ready, "an API that is ready again")

    def _is_ready(self) -> bool:
        return self.row.stack._ready()

    def spoil_vendor(self) -> None:
        rng = self.row.rng
        name = misbehave(self.row.stack.sandbox, rng.choice(self.accounts), rng)
        self.vendor_faults[name] += 1


_ACTIONS: Mapping[str, tuple[float, Callable[[Monkey], None]]] = MappingProxyType(
    {
        "kill a worker": (4, Monkey.kill_worker),
        "restart a worker": (3, Monkey.restart_worker),
        "stop a worker": (4, Monkey.stop_worker),
        "flush Redis": (2, Monkey.flush_redis),
        "kill Redis": (2, Monkey.kill_redis),
        "crash Postgres": (2, Monkey.crash_postgres),
        "a vendor's fault": (16, Monkey.spoil_vendor),
    }
)
