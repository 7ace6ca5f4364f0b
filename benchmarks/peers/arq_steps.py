"""Lands exports as three arq tasks (start, poll, download) with the slots in Redis, handed from one to the next."""

import os
import time
from typing import Any

import uvloop
from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import Worker

from benchmarks.peers.async_vendor import AsyncVendor
from benchmarks.peers.slots import AsyncSlots
from benchmarks.peers.stage import accepted, is_worker, play, worker_ready
from benchmarks.peers.work import Work

# arq looks for due jobs each 0.5 s unless told otherwise.
_POLL_DELAY = float(os.environ.get("BENCH_ARQ_POLL_DELAY", "0.02"))


async def start(ctx: dict[str, Any], account: str, nth: int) -> None:
    """Start the report."""
    task = await ctx["vendor"].start(account, nth)
    await ctx["redis"].enqueue_job("poll", account, nth, task, time.time(), _defer_by=ctx["work"].delay(0))


async def poll(ctx: dict[str, Any], account: str, nth: int, task: str, started_at: float) -> None:
    """Ask how it stands; when it is finished, download it and give its slot away."""
    redis = ctx["redis"]
    if not await ctx["vendor"].is_finished(account, task):
        delay = ctx["work"].delay(time.time() - started_at)
        await redis.enqueue_job("poll", account, nth, task, started_at, _defer_by=delay)
        return
    following = await ctx["slots"].leave(account)
    if following is not None:
        await redis.enqueue_job("start", account, following)
    await redis.enqueue_job("download", account, nth, task)


async def download(ctx: dict[str, Any], account: str, nth: int, task: str) -> None:
    """Fetch the file."""
    await ctx["vendor"].download(account, task, nth)


async def _set_up(ctx: dict[str, Any]) -> None:
    work = Work.given()
    ctx.update(work=work, vendor=AsyncVendor(work), slots=AsyncSlots(ctx["redis"], work.slots))
    worker_ready()


async def _work() -> None:
    worker = Worker(
        functions=[start, poll, download],
        on_startup=_set_up,
        redis_settings=RedisSettings.from_dsn(Work.given().redis),
        max_jobs=50,
        poll_delay=_POLL_DELAY,
        keep_result=0,
    )
    await worker.async_run()


async def _ask(work: Work) -> None:
    redis = await create_pool(RedisSettings.from_dsn(work.redis))
    slots = AsyncSlots(redis, work.slots)
    for index, (account, nth) in enumerate(work.all):
        if await slots.enter(account, nth):
            await redis.enqueue_job("start", account, nth)
        if index == 0:
            accepted()


if __name__ == "__main__":
    if is_worker():
        uvloop.run(_work())
    else:
        play(lambda work: uvloop.run(_ask(work)), "benchmarks.peers.arq_steps")
