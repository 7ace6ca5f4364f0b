"""Lands exports as three SAQ tasks (start, poll, download); SAQ looks for scheduled jobs once a second and no oftener."""

import time
from typing import Any

import uvloop
from redis.asyncio import Redis
from saq import Queue, Worker
from saq.queue.redis import RedisQueue

from benchmarks.peers.async_vendor import AsyncVendor
from benchmarks.peers.slots import AsyncSlots
from benchmarks.peers.stage import accepted, is_worker, play, worker_ready
from benchmarks.peers.work import Work


async def start(ctx: dict[str, Any], *, account: str, nth: int) -> None:
    """Start the report."""
    task, now = await ctx["vendor"].start(account, nth), time.time()
    await ctx["queue"].enqueue(
        "poll", account=account, nth=nth, task=task, started_at=now, scheduled=now + ctx["work"].delay(0)
    )


async def poll(ctx: dict[str, Any], *, account: str, nth: int, task: str, started_at: float) -> None:
    """Ask how it stands; when it is finished, download it and give its slot away."""
    queue: Queue = ctx["queue"]
    if not await ctx["vendor"].is_finished(account, task):
        now = time.time()
        due = now + ctx["work"].delay(now - started_at)
        await queue.enqueue("poll", account=account, nth=nth, task=task, started_at=started_at, scheduled=due)
        return
    following = await ctx["slots"].leave(account)
    if following is not None:
        await queue.enqueue("start", account=account, nth=following)
    await queue.enqueue("download", account=account, nth=nth, task=task)


async def download(ctx: dict[str, Any], *, account: str, nth: int, task: str) -> None:
    """Fetch the file."""
    await ctx["vendor"].download(account, task, nth)


def _queue(work: Work) -> Queue:
    # Not Queue.from_url: it takes no Unix socket.
    return RedisQueue(Redis.from_url(work.redis))


async def _work() -> None:
    work = Work.given()
    queue = _queue(work)
    await queue.connect()

    async def set_up(ctx: dict[str, Any]) -> None:
        slots = AsyncSlots(Redis.from_url(work.redis), work.slots)
        ctx.update(work=work, queue=queue, vendor=AsyncVendor(work), slots=slots)
        worker_ready()

    worker = Worker(queue, functions=[start, poll, download], concurrency=50, startup=set_up)
    await worker.start()


async def _ask(work: Work) -> None:
    queue = _queue(work)
    await queue.connect()
    slots = AsyncSlots(Redis.from_url(work.redis), work.slots)
    for index, (account, nth) in enumerate(work.all):
        if await slots.enter(account, nth):
            await queue.enqueue("start", account=account, nth=nth)
        if index == 0:
            accepted()


if __name__ == "__main__":
    if is_worker():
        uvloop.run(_work())
    else:
        play(lambda work: uvloop.run(_ask(work)), "benchmarks.peers.saq_steps")
