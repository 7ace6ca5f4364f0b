"""Plays workers that share a Redis: a crowd of clients in this process, or in a process of its own."""

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from redis.asyncio import Redis

from landfall.exports.errors import ExportError, ReportLost
from landfall.transport.shared_cache import RedisCache
from landfall.vendors.buy_with_prime.client import BuyWithPrime
from landfall.vendors.cache import Cache
from tests.exports.jobs import make_job
from tests.vendors.accounts import buy_with_prime

ROOT = Path(__file__).parents[2]
TASK_ID = "USER_EVENTS:23272b65-efac-412d-a8aa-ce8ef41bb448"


@asynccontextmanager
async def shared_cache(redis_url: str) -> AsyncIterator[Cache]:
    """A cache as one worker has it."""
    async with Redis.from_url(redis_url, socket_timeout=5.0, socket_connect_timeout=5.0) as redis:
        yield Cache(RedisCache(redis))


@asynccontextmanager
async def crowd(base_url: str, redis_url: str, size: int) -> AsyncIterator[list[BuyWithPrime]]:
    """Clients of one account, each with a connection and a cache of its own, as if each were a worker."""
    async with AsyncExitStack() as stack:
        caches = [await stack.enter_async_context(shared_cache(redis_url)) for _ in range(size)]
        yield [await stack.enter_async_context(buy_with_prime(base_url, cache=cache)) for cache in caches]


async def outcome(client: BuyWithPrime) -> str:
    """Poll a report that does not exist: "served" where the vendor took the token, else the error's name."""
    try:
        await client.report_status(make_job(report_id=TASK_ID))
    except ReportLost:
        return "served"
    except ExportError as error:
        return type(error).__name__
    return "found"


async def outcomes(clients: list[BuyWithPrime]) -> Counter[str]:
    """What all of them come to when they call at once."""
    return Counter(await asyncio.gather(*map(outcome, clients)))


@contextmanager
def processes(base_url: str, redis_url: str, *, count: int, clients: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that stand ready to call when they get a line."""
    command = [sys.executable, "-P", "-m", "tests.vendors.workers", base_url, redis_url, str(clients)]
    started = [
        subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]
    try:
        for process in started:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        yield started
    finally:
        for process in started:
            process.kill()
            process.communicate()


def call(process: subprocess.Popen[str]) -> None:
    """Let all clients of the process call."""
    assert process.stdin
    process.stdin.write("call\n")
    process.stdin.flush()


def told(process: subprocess.Popen[str]) -> Counter[str]:
    """What its clients came to."""
    assert process.stdout
    return Counter(json.loads(process.stdout.readline()))


async def _serve(base_url: str, redis_url: str, size: int) -> None:
    async with crowd(base_url, redis_url, size) as clients:
        print("ready", flush=True)  # noqa: T201 - how the test hears of it
        while await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await outcomes(clients)), flush=True)  # noqa: T201 - how the test hears of it


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], sys.argv[2], int(sys.argv[3])))
