"""Sends steps through arq and runs what arrives: the one module that knows arq."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from time import time
from typing import Any, cast

from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix, job_key_prefix, retry_key_prefix
from arq.jobs import serialize_job
from arq.typing import WorkerCoroutine
from arq.worker import Worker, func

from landfall.exports.job import ExportJob
from landfall.exports.states import Step

QUEUE_NAME = "landfall:steps"
SOCKET_SECONDS = 5.0
_IDLE_SECONDS = 0.2
_HORIZON_SECONDS = 60.0
# A step that was about to begin when the rest were cancelled is cancelled on the next round.
_CANCEL_SECONDS = 1.0
# Far above any step: a lease decides when a step is taken from a silent worker, never arq.
_STEP_TIMEOUT = timedelta(days=1)
_READ_LIMIT = 1000
_PAYLOAD_MS = 24 * 3600 * 1000

RunStep = Callable[["Message"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Message:
    """Asks for a step of an account's export at a version; `delay` in seconds from now."""

    step: Step
    account: str
    export_id: str
    version: int
    delay: float = 0.0

    @property
    def id(self) -> str:
        """Carries the version, so that arq's memory of an earlier message never hides a later one."""
        return f"{self.export_id}:{self.version}"

    @classmethod
    def of(cls, job: ExportJob, delay: float) -> "Message | None":
        """The message for the step that is due, None where none is due soon: the sweeper sends that when it is."""
        if job.step is None or delay > _HORIZON_SECONDS:
            return None
        return cls(job.step, job.account, job.id, job.version, max(0.0, delay))


class Standing(Enum):
    """What arq knows of a message."""

    ABSENT = auto()
    WAITING = auto()
    RUNNING = auto()


Redis = ArqRedis


def connect(url: str) -> Redis:
    """A pool that gives up on a silent Redis after SOCKET_SECONDS and writes JSON, so that nobody runs code by writing to it."""
    redis: Redis = Redis.from_url(
        url,
        socket_timeout=SOCKET_SECONDS,
        socket_connect_timeout=SOCKET_SECONDS,
        health_check_interval=30,
    )
    redis.job_serializer = _dump
    redis.job_deserializer = json.loads
    redis.default_queue_name = QUEUE_NAME
    return redis


class StepQueue:
    """The messages that ask for steps. Every method raises RedisError or OSError when Redis is away."""

    def __init__(self, redis: Redis) -> None:
        """Ring nobody's bell until a consumer hangs one up."""
        self._redis = redis
        self.on_send: Callable[[], None] = lambda: None

    async def send(self, messages: Iterable[Message]) -> None:
        """Send each message once; one that is on its way already is left alone.

        Written as arq's own enqueue_job writes it, but all in one round trip and without its look at old results: an
        id carries the version, so nobody else sends the same message for another reason.
        """
        now = time() * 1000
        async with self._redis.pipeline(transaction=True) as pipe:
            for message in messages:
                arguments = (message.account, message.export_id, message.version)
                payload = serialize_job(message.step.value, arguments, {}, None, int(now), serializer=_dump)
                score = int(now + message.delay * 1000)
                pipe.set(job_key_prefix + message.id, payload, px=score - int(now) + _PAYLOAD_MS, nx=True)
                pipe.zadd(QUEUE_NAME, {message.id: score}, nx=True)
            await pipe.execute()
        self.on_send()

    async def standings(self, ids: Sequence[str]) -> Mapping[str, Standing]:
        """How the messages of these ids stand."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for id_ in ids:
                pipe.zscore(QUEUE_NAME, id_)
                pipe.exists(in_progress_key_prefix + id_)
            answers = await pipe.execute()
        return {
            id_: Standing.ABSENT if score is None else Standing.RUNNING if running else Standing.WAITING
            for id_, score, running in zip(ids, answers[::2], answers[1::2], strict=True)
        }

    async def oldest_running(self) -> list[Message]:
        """Messages at the head of the queue that arq believes to be running, oldest first."""
        ids: list[bytes] = await self._redis.zrange(QUEUE_NAME, 0, _READ_LIMIT - 1)
        if not ids:
            return []
        async with self._redis.pipeline(transaction=False) as pipe:
            for id_ in ids:
                pipe.exists(in_progress_key_prefix + id_.decode())
            running = await pipe.execute()
        found = [id_.decode().rpartition(":") for id_, runs in zip(ids, running, strict=True) if runs]
        return [Message(Step.POLL, "", name, int(version)) for name, _, version in found if version.isdecimal()]

    async def forget(self, ids: Sequence[str]) -> None:
        """Remove messages whose worker went silent, so that they do not stand before newer ones."""
        keys = [prefix + id_ for id_ in ids for prefix in (job_key_prefix, in_progress_key_prefix, retry_key_prefix)]
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.zrem(QUEUE_NAME, *ids)
            pipe.delete(*keys)
            await pipe.execute()


class Consumer(Worker):
    """arq's worker with a loop that sleeps until something is due, instead of looking every half second."""

    def __init__(self, queue: StepQueue, redis: Redis, run: RunStep, *, max_jobs: int) -> None:
        """Run each arriving step with `run`, at most max_jobs at once."""
        super().__init__(
            functions=[func(_task(step, run), name=step.value) for step in Step],
            redis_pool=redis,
            queue_name=QUEUE_NAME,
            handle_signals=False,
            max_jobs=max_jobs,
            max_tries=1_000_000,
            job_timeout=_STEP_TIMEOUT,
            keep_result=0,
            log_results=False,
            poll_delay=0,
            queue_read_limit=_READ_LIMIT,
            retry_jobs=False,
            job_serializer=_dump,
            job_deserializer=json.loads,
        )
        self._bell = asyncio.Event()
        queue.on_send = self._bell.set

    async def main(self) -> None:
        """Consume until Redis goes away; may be called again when it is back, beside the steps that still run."""
        # An error in the middle of picking leaves arq's own count one too high.
        running = self._running()
        self.job_counter = len(running)
        self.sem = asyncio.BoundedSemaphore(self.max_jobs + 1)
        for _ in running:
            await self.sem.acquire()
        await super().main()

    async def drain(self, seconds: float) -> None:
        """Take no new steps, let the running ones finish for so long, then cancel the rest (they hand back)."""
        self.allow_pick_jobs = False
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while running := self._running():
            left = end - loop.time()
            if left > 0:
                await asyncio.wait(running, timeout=left)
                continue
            for task in self.job_tasks.values():
                task.cancel()
            await asyncio.wait(running, timeout=_CANCEL_SECONDS)

    def _running(self) -> list[asyncio.Task[Any]]:
        return [task for task in self.tasks.values() if not task.done()]

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        """Take what nobody runs yet, all in one round trip where arq takes three for each.

        What runs here already is passed over: it stays in arq's queue until it ends.
        """
        fresh = [id_ for id_ in map(bytes.decode, job_ids) if id_ not in self.tasks]
        del fresh[max(0, self.max_jobs - self.job_counter) :]
        if not fresh:
            return
        async with self.pool.pipeline(transaction=False) as pipe:
            for id_ in fresh:
                pipe.set(in_progress_key_prefix + id_, b"1", nx=True, px=int(self.in_progress_timeout_s * 1000))
                pipe.zscore(QUEUE_NAME, id_)
            answers = await pipe.execute()
        ended = []
        for id_, taken, score in zip(fresh, answers[::2], answers[1::2], strict=True):
            if taken and score is None:
                ended.append(in_progress_key_prefix + id_)
            elif taken:
                await self._start(id_, int(score))
        if ended:
            await self.pool.delete(*ended)

    async def _start(self, id_: str, score: int) -> None:
        await self.sem.acquire()
        self.job_counter += 1
        task = self.loop.create_task(self.run_job(id_, score))
        task.add_done_callback(lambda _: self._release_sem_dec_counter_on_complete())
        self.tasks[id_] = task

    def _release_sem_dec_counter_on_complete(self) -> None:
        full = self.job_counter >= self.max_jobs
        super()._release_sem_dec_counter_on_complete()
        if full:
            self._bell.set()

    async def _poll_iteration(self) -> None:
        await super()._poll_iteration()
        await self._sleep_until_due()

    async def _sleep_until_due(self) -> None:
        now = time() * 1000
        upcoming: list[tuple[bytes, float]] = await self.pool.zrangebyscore(
            QUEUE_NAME, f"({now}", "+inf", start=0, num=1, withscores=True
        )
        seconds = min([_IDLE_SECONDS, *((score - now) / 1000 for _, score in upcoming)])
        # asyncio.timeout, not wait_for: on 3.11 that one may swallow a cancellation that comes with the bell.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self._bell.wait()
        self._bell.clear()


def _task(step: Step, run: RunStep) -> WorkerCoroutine:
    async def task(_ctx: dict[Any, Any], account: str, export_id: str, version: int) -> None:
        # A cancelled step has handed itself back already; arq need not call that a failure.
        with contextlib.suppress(asyncio.CancelledError):
            await run(Message(step, account, export_id, version))

    task.__qualname__ = step.value
    return cast("WorkerCoroutine", task)


def _dump(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode()
