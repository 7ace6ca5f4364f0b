"""Lands exports as one arq job each, which waits in the worker with exponential backoff: what most people write."""

import asyncio
from collections import defaultdict
from typing import Any

import uvloop
from arq import create_pool, func
from arq.connections import RedisSettings
from arq.worker import Worker

from benchmarks.peers.async_vendor import AsyncVendor
from benchmarks.peers.stage import accepted, is_worker, play, worker_ready
from benchmarks.peers.work import Work


async def land(ctx: dict[str, Any], account: str, nth: int) -> None:
    """Start, wait, download."""
    vendor: AsyncVendor = ctx["vendor"]
    delay = ctx["work"].mean / 4
    async with ctx["slots"][account]:
        task = await vendor.start(account, nth)
        await asyncio.sleep(delay)
        while not await vendor.is_finished(account, task):
            delay = min(2 * delay, 60.0)
            await asyncio.sleep(delay)
    await vendor.download(account, task, nth)


async def _set_up(ctx: dict[str, Any]) -> None:
    work = Work.given()
    slots: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(work.slots))
    ctx.update(work=work, vendor=AsyncVendor(work), slots=slots)
    worker_ready()


async def _work() -> None:
    work = Work.given()
    worker = Worker(
        functions=[func(land, timeout=3600)],
        on_startup=_set_up,
        redis_settings=RedisSettings.from_dsn(work.redis),
        max_jobs=2 * work.slots * work.accounts,
        keep_result=0,
    )
    await worker.async_run()


async def _ask(work: Work) -> None:
    redis = await create_pool(RedisSettings.from_dsn(work.redis))
    for index, (account, nth) in enumerate(work.all):
        await redis.enqueue_job("land", account, nth)
        if index == 0:
            accepted()


if __name__ == "__main__":
    if is_worker():
        uvloop.run(_work())
    else:
        play(lambda work: uvloop.run(_ask(work)), "benchmarks.peers.arq_naive")
