"""Measures case G, exports that wait in EXPORTING while one worker polls for them: `python -m benchmarks.waiting`."""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import psutil
from redis import Redis
from sqlalchemy import Connection

from benchmarks.errors import NotFinishedError
from benchmarks.landfall_processes import (
    account,
    environment,
    free_port,
    migrate,
    running,
    wait_for_workers,
    write_config,
)
from benchmarks.usage import cpu_seconds, resident_bytes
from benchmarks.vendor import Vendor, run_vendor
from landfall.database import accounts, ledger
from landfall.database.clock import read_clock
from landfall.database.opening import open_database
from landfall.exports.job import ExportJob
from landfall.exports.states import State
from landfall.exports.throttle import AccountLimits
from landfall.settings import Settings
from landfall.transport.embedded import EmbeddedRedis
from landfall.vendors.buy_with_prime.account import BuyWithPrimeAccount
from landfall.vendors.buy_with_prime.client import BuyWithPrime
from landfall.vendors.shared import Shared
from tests.services.postgres import Postgres, running_postgres

_ACCOUNTS = 20
_BUILD_SECONDS = 1e6
_BATCH = 1000
_REQUEST = {"report_type": "USER_EVENTS", "start": "2026-01-01T00:00:00Z", "end": "2026-02-01T00:00:00Z"}


@dataclass(frozen=True, slots=True)
class Reading:
    """What had been used and asked at one moment."""

    at: float
    polls: int
    worker: float
    redis: float
    database: float
    resident: int


@dataclass(frozen=True, slots=True)
class Watched:
    """The processes whose use is read."""

    vendor: Vendor
    worker: psutil.Process
    redis: psutil.Process
    database: Sequence[psutil.Process]

    def read(self) -> Reading:
        """Read all."""
        return Reading(
            time.monotonic(),
            self.vendor.stats()["polls"]["buy_with_prime"],
            cpu_seconds([self.worker]),
            cpu_seconds([self.redis]),
            cpu_seconds(self.database),
            resident_bytes([self.worker]),
        )


def main() -> int:
    """Let so many exports wait, watch the worker, and print what each minute cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgres", action="store_true", help="on Postgres instead of SQLite")
    parser.add_argument("--exports", type=int, default=10_000)
    parser.add_argument("--interval", type=float, default=30.0, help="mean seconds between two polls of an export")
    parser.add_argument("--minutes", type=int, default=3)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory(prefix="bench-"))) / "home"
        vendor = stack.enter_context(run_vendor(_BUILD_SECONDS, seed=7))
        server = stack.enter_context(running_postgres(durable=True)) if arguments.postgres else None
        watched = stack.enter_context(_waiting(home, vendor, server, arguments.exports, arguments.interval))
        _say(_heading())
        before = watched.read()
        for minute in range(arguments.minutes):
            time.sleep(60)
            after = watched.read()
            _say(_row(minute + 1, arguments.exports, before, after))
            before = after
    _say(f"\nload average {os.getloadavg()[0]:.1f}")
    return 0


@contextmanager
def _waiting(home: Path, vendor: Vendor, server: Postgres | None, exports: int, interval: float) -> Iterator[Watched]:
    """One worker over so many exports whose reports take for ever, each polled at least once before the block."""
    variables = {
        "LANDFALL_POLL_FLOOR_SECONDS": str(interval),
        "LANDFALL_POLL_CAP_SECONDS": str(interval),
        "LANDFALL_DATABASE_URL": server.new_database() if server else f"sqlite:///{home / 'landfall.db'}",
    }
    env = environment(home, free_port(), _ACCOUNTS, variables)
    os.environ |= {name: value for name, value in env.items() if name.startswith("BENCH_")}
    write_config(home, vendor.base_url, _ACCOUNTS)
    _allow_slots(home / "landfall.toml", exports)
    migrate(home, env)
    asyncio.run(_fill(variables["LANDFALL_DATABASE_URL"], vendor.base_url, exports, interval))
    redis = EmbeddedRedis(home)
    redis.ensure()
    try:
        with running(home, env, ["api", "worker"]) as (_, worker):
            wait_for_workers(home, 1)
            _wait_for_polls(vendor, exports)
            told = cast("dict[str, int]", Redis.from_url(redis.url).info("server"))
            yield Watched(vendor, psutil.Process(worker.pid), psutil.Process(told["process_id"]), _postgres())
    finally:
        redis.stop()


def _allow_slots(config: Path, exports: int) -> None:
    slots = f"\nmax_started = {exports}\ntarget_id"
    config.write_text(config.read_text(encoding="utf-8").replace("\ntarget_id", slots), encoding="utf-8")


async def _fill(url: str, base_url: str, exports: int, interval: float) -> None:
    reports = await asyncio.gather(*(_start(number, base_url) for number in range(_ACCOUNTS)))
    limits = {account(number): AccountLimits("buy_with_prime", exports) for number in range(_ACCOUNTS)}
    async with open_database(Settings(database_url=url)) as database:
        await database.write(lambda connection: accounts.register(connection, limits))
        for first in range(0, exports, _BATCH):
            numbers = range(first, min(first + _BATCH, exports))
            await database.write(partial(_accept, numbers=numbers, reports=reports, step=interval / exports))


def _accept(connection: Connection, numbers: Sequence[int], reports: Sequence[str], step: float) -> None:
    now = read_clock(connection)
    ledger.accept(connection, [_job(number, reports, now, step) for number in numbers])


def _job(number: int, reports: Sequence[str], now: datetime, step: float) -> ExportJob:
    """An export whose report was started just now; those of an account share one at the vendor."""
    owner = number % _ACCOUNTS
    return ExportJob(
        id=f"exp_{number:032}",
        account=account(owner),
        vendor="buy_with_prime",
        report_type="USER_EVENTS",
        request=_REQUEST,
        request_hash=f"{number:064}",
        created_at=now,
        deadline=timedelta(days=7),
        state=State.EXPORTING,
        started_at=now,
        deadline_at=now + timedelta(days=7),
        due_at=now + timedelta(seconds=number * step),
        report_id=reports[owner],
    )


async def _start(number: int, base_url: str) -> str:
    settings = {
        "vendor": "buy_with_prime",
        "base_url": base_url,
        "client_id": {"env": f"BENCH_ID_{number}"},
        "client_secret": {"env": f"BENCH_SECRET_{number}"},
        "target_id": "bench",
    }
    client = BuyWithPrime.connect(account(number), BuyWithPrimeAccount.model_validate(settings), Shared())
    asked = _job(number, [""] * _ACCOUNTS, datetime.now(UTC), 0.0)
    started = await client.start(asked)
    await client.aclose()
    if started.report_id is None:
        raise NotFinishedError("the sandbox gave no report")
    return started.report_id


def _wait_for_polls(vendor: Vendor, exports: int) -> None:
    end = time.monotonic() + 600
    while vendor.stats()["polls"]["buy_with_prime"] < exports:
        if time.monotonic() > end:
            raise NotFinishedError("the exports were not polled in time")
        time.sleep(0.5)


def _postgres() -> list[psutil.Process]:
    """The server that this process started, without its children; none where it is another's."""
    ours = psutil.Process().children(recursive=True)
    return [each for each in ours if each.name() == "postgres"][:1]


def _heading() -> str:
    names = [
        "minute",
        "polls a second",
        "worker, % of a core",
        "the same a 1 000 exports",
        "worker, ms a poll",
        "Redis, ms a poll",
        "Postgres, ms a poll",
        "worker's RSS MB",
    ]
    return "\n".join([_line(names), _line(["---:"] * len(names))])


def _row(minute: int, exports: int, before: Reading, after: Reading) -> str:
    seconds, polls = after.at - before.at, after.polls - before.polls
    share = 100 * (after.worker - before.worker) / seconds
    used = (after.worker - before.worker, after.redis - before.redis, after.database - before.database)
    each = [f"{1000 * one / max(1, polls):.2f}" for one in used]
    cells = [f"{minute}", f"{polls / seconds:.0f}", f"{share:.1f}", f"{1000 * share / exports:.1f}"]
    return _line([*cells, *each, f"{after.resident / 1e6:.0f}"])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - this is a command


if __name__ == "__main__":
    sys.exit(main())
