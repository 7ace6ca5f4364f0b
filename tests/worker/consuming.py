"""Consumes messages of a real Redis in tests."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from landfall.exports.states import Step
from worker import queue
from worker.consumer import Consumer
from worker.queue import Message, Redis, Standing, StepQueue

PATIENCE_SECONDS = 10.0


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Redis]:
    """An empty Redis."""
    redis = queue.connect(url)
    await redis.flushall()
    try:
        yield redis
    finally:
        await redis.aclose()


@asynccontextmanager
async def consuming(consumer: Consumer, after: asyncio.Event | None = None) -> AsyncIterator[asyncio.Task[None]]:
    """Consume for as long as the block runs, then drain."""

    async def consume() -> None:
        if after:
            await after.wait()
        await consumer.main()

    task = asyncio.create_task(consume())
    try:
        yield task
    finally:
        await consumer.drain(0.0)
        while not task.done():  # a library may swallow one cancellation
            task.cancel()
            await asyncio.wait({task}, timeout=0.1)


@asynccontextmanager
async def working(url: str) -> AsyncIterator[tuple[Redis, "Steps", StepQueue, Consumer]]:
    """An empty Redis, the steps that are run, their queue, and a consumer of it that does nothing yet."""
    async with connected(url) as redis:
        steps, sent = Steps(), StepQueue(redis)
        yield redis, steps, sent, Consumer(sent, redis, steps.run, max_jobs=3)


class Steps:
    """Runs each step until it is let go, and counts how often each was begun."""

    def __init__(self) -> None:
        self.begun: Counter[str] = Counter()
        self.let_go = asyncio.Event()
        self._changed = asyncio.Condition()

    async def run(self, message: Message) -> None:
        async with self._changed:
            self.begun[message.export_id] += 1
            self._changed.notify_all()
        await self.let_go.wait()

    async def until_begun(self, *names: str) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS), self._changed:
            await self._changed.wait_for(lambda: self.begun.keys() >= set(names))


def message(name: str, version: int = 1) -> Message:
    return Message(Step.POLL, "shop", name, version)


async def until(look: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await look():  # noqa: ASYNC110 - Redis tells nobody when a key goes
            await asyncio.sleep(0.01)


async def until_absent(sent: StepQueue, *ids: str) -> None:
    """Wait until the queue knows none of these messages."""

    async def absent() -> bool:
        return set((await sent.standings(ids)).values()) == {Standing.ABSENT}

    await until(absent)
