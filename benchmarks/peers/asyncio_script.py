"""Lands exports with a plain asyncio script: no queue, no database, nothing survives; it polls each 25th of the mean."""

import asyncio
from collections import defaultdict

import uvloop

from benchmarks.peers.async_vendor import AsyncVendor
from benchmarks.peers.stage import accepted, play
from benchmarks.peers.work import Work


async def _land(vendor: AsyncVendor, slots: asyncio.Semaphore, interval: float, account: str, nth: int) -> None:
    async with slots:
        task = await vendor.start(account, nth)
        await asyncio.sleep(interval)
        while not await vendor.is_finished(account, task):  # noqa: ASYNC110 - the vendor is another machine: there is no event
            await asyncio.sleep(interval)
    await vendor.download(account, task, nth)


async def _land_all(work: Work) -> None:
    vendor = AsyncVendor(work)
    slots: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(work.slots))
    accepted()
    async with asyncio.TaskGroup() as group:
        for account, nth in work.all:
            group.create_task(_land(vendor, slots[account], work.mean / 25, account, nth))


if __name__ == "__main__":
    play(lambda work: uvloop.run(_land_all(work)))
