"""Measures case E, enqueueing over many connections, beside a bare FastAPI and SQLAlchemy Core insert: `python -m benchmarks.enqueue`."""

import argparse
import asyncio
import itertools
import json
import os
import socket
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import uvloop

from benchmarks.askers import Asked, ask, prepared
from benchmarks.errors import NotFinishedError
from benchmarks.ideal import percentile
from benchmarks.landfall_processes import (
    environment,
    free_port,
    migrate,
    running,
    submission,
    wait_until_ready,
    write_config,
)
from landfall.database import keys
from landfall.database.keys import Scope
from landfall.database.opening import open_database
from landfall.settings import Settings
from landfall.transport.embedded import EmbeddedRedis
from tests.services.postgres import running_postgres

_NOWHERE = "http://127.0.0.1:9"
_BATCH = 10_000
_WARM_UP_SECONDS = 1.0
_START_SECONDS = 30.0


@dataclass
class Server:
    """What listens where, how it is asked, and what came of it."""

    name: str
    port: int
    headers: dict[str, str]
    with_keys: bool = False
    rounds: list[Asked] = field(default_factory=list)

    def requests(self, numbers: Iterator[int]) -> Iterator[bytes]:
        """Each asks for another range."""
        for number in numbers:
            body = submission(0, number, "e")
            body["request"] = {"report_type": "USER_EVENTS", "start": "2026-01-01", "end": _end(number)}
            key = {"idempotency-key": f"bench-{number}"} if self.with_keys else {}
            yield prepared("/v1/exports", json.dumps(body).encode(), self.headers | key)

    def row(self) -> str:
        """The median rate of its rounds, and percentiles of all its answers."""
        times = [seconds for one in self.rounds for seconds in one.answers]
        rate = statistics.median(one.rate for one in self.rounds)
        return f"{self.name:36}{rate:9.0f}{percentile(times, 0.5) * 1e3:9.2f}{percentile(times, 0.99) * 1e3:9.2f}"


def main() -> int:
    """Ask both in turn and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--postgres", action="store_true", help="on Postgres instead of SQLite")
    parser.add_argument("--connections", type=int, default=32, help="connections at once")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is asked")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long a round takes")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        urls = ["", f"sqlite:///{folder}/bare.db"]
        if arguments.postgres:
            server = stack.enter_context(running_postgres(durable=True))
            urls = [server.new_database(), server.new_database()]
        ours = stack.enter_context(_landfall(folder / "home", urls[0]))
        bare = stack.enter_context(_bare(folder / "bare", urls[1]))
        keyed = Server("Landfall, with Idempotency-Key", ours.port, ours.headers, with_keys=True)
        servers = [ours, keyed, bare]
        uvloop.run(_take_turns(servers, arguments.connections, arguments.rounds, arguments.seconds))
        _say(f"{'':36}{'a second':>9}{'p50 ms':>9}{'p99 ms':>9}")
        for each in servers:
            _say(each.row())
        _say(_beside(ours, bare))
        _say(_beside(keyed, bare))
        _say(f"batch of {_BATCH}: {_batch(ours):.2f} s; load average {os.getloadavg()[0]:.1f}")
    return 0


async def _take_turns(servers: Sequence[Server], connections: int, rounds: int, seconds: float) -> None:
    numbers = itertools.count()
    for each in servers:
        await ask(each.port, each.requests(numbers), connections=connections, seconds=_WARM_UP_SECONDS)
    for _ in range(rounds):
        for each in servers:
            each.rounds.append(await ask(each.port, each.requests(numbers), connections=connections, seconds=seconds))


def _beside(ours: Server, bare: Server) -> str:
    pairs = list(zip(ours.rounds, bare.rounds, strict=True))
    rate = statistics.median(one.rate / other.rate for one, other in pairs)
    late = statistics.median(percentile(one.answers, 0.99) / percentile(other.answers, 0.99) for one, other in pairs)
    return f"{ours.name}: {rate:.2f} x the bare rate, {late:.2f} x its p99"


def _batch(server: Server) -> float:
    exports = [{"account": "bench-000", "request": _request(number)} for number in range(_BATCH)]
    began = time.perf_counter()
    with httpx.Client(trust_env=False, timeout=60) as client:
        url = f"http://127.0.0.1:{server.port}/v1/batches"
        client.post(url, json={"exports": exports}, headers=server.headers).raise_for_status()
    return time.perf_counter() - began


def _request(number: int) -> dict[str, str]:
    return {"report_type": "USER_EVENTS", "start": "2025-01-01", "end": _end(number)}


def _end(number: int) -> str:
    day, rest = divmod(number, 86_400)
    return f"{2026 + day // 28}-02-{day % 28 + 1:02}T{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}Z"


@contextmanager
def _landfall(home: Path, url: str) -> Iterator[Server]:
    port = free_port()
    variables = {"LANDFALL_API_RATE_LIMIT": "0"} | ({"LANDFALL_DATABASE_URL": url} if url else {})
    env = environment(home, port, 1, variables)
    write_config(home, _NOWHERE, 1)
    migrate(home, env)
    key = asyncio.run(_new_key(Settings(home=home, database_url=url)))
    redis = EmbeddedRedis(home)
    redis.ensure()
    try:
        with (
            running(home, env, ["api"]),
            httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
        ):
            wait_until_ready(client, home / "0.log")
            yield Server("Landfall", port, {"authorization": f"Bearer {key}"})
    finally:
        redis.stop()


async def _new_key(settings: Settings) -> str:
    async with open_database(settings) as database:
        return (await database.write(lambda connection: keys.create(connection, "bench", Scope.WRITE)))[1]


@contextmanager
def _bare(home: Path, url: str) -> Iterator[Server]:
    port = free_port()
    env = environment(home, port, 1, {"LANDFALL_DATABASE_URL": url})
    write_config(home, _NOWHERE, 1)
    migrate(home, env)
    with running(home, env, [f"benchmarks.bare_enqueue {port} {url}"]):
        _wait_for(port)
        yield Server("bare FastAPI + Core insert", port, {})


def _wait_for(port: int) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise NotFinishedError("the bare application did not listen in time")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
