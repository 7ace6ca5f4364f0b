"""Sends steps through arq and runs what arrives: the one module that knows arq."""

import asyncio
import contextlib
import json
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from functools import partial
from time import time
from typing import Any, cast

from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix, job_key_prefix
from arq.jobs import deserialize_job_raw, serialize_job
from arq.typing import WorkerCoroutine
from arq.worker import Worker, func
from redis.asyncio.client import Pipeline

from landfall.exports.job import ExportJob
from landfall.exports.states import Step
from landfall.log import get_logger

QUEUE_NAME = "landfall:steps"
SOCKET_SECONDS = 5.0
_IDLE_SECONDS = 0.2
_HORIZON_SECONDS = 60.0
# A step that was about to begin when the rest were cancelled is cancelled on the next round.
_CANCEL_SECONDS = 1.0
_ELSEWHERE_SECONDS = 1.0  # then a message that another worker ran is tried again: that one may be dead
# Far above any step: a lease decides when a step is taken from a silent worker, never arq.
_STEP_TIMEOUT = timedelta(days=1)
_READ_LIMIT = 1000
_PAYLOAD_MS = 24 * 3600 * 1000

_log = get_logger(__name__)
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
        self.on_send: Callable[[float], None] = lambda _score: None

    async def send(self, messages: Iterable[Message]) -> None:
        """Send each message once; one that is on its way already is left alone.

        Written as arq's own enqueue_job writes it, but all in one round trip and without its look at old results: an
        id carries the version, so nobody else sends the same message for another reason.
        """
        now = time() * 1000
        earliest = math.inf
        async with self._redis.pipeline(transaction=False) as pipe:
            for message in messages:
                arguments = (message.account, message.export_id, message.version)
                payload = serialize_job(message.step.value, arguments, {}, None, int(now), serializer=_dump)
                score = int(now + message.delay * 1000)
                earliest = min(earliest, score)
                pipe.set(job_key_prefix + message.id, payload, px=score - int(now) + _PAYLOAD_MS, nx=True)
                pipe.zadd(QUEUE_NAME, {message.id: score}, nx=True)
            await pipe.execute()
        self.on_send(earliest)

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
        async with self._redis.pipeline(transaction=True) as pipe:
            _forget(pipe, ids)
            await pipe.execute()


class Consumer(Worker):
    """arq's worker with a loop that sleeps until something is due; `main` may be called again when Redis is back."""

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
        self._wakes_at = math.inf
        self._ended: list[str] = []
        self._elsewhere: dict[str, float] = {}
        self._taking = asyncio.Lock()
        queue.on_send = self._ring

    async def drain(self, seconds: float) -> None:
        """Take no new steps, let the running ones finish for so long, then cancel the rest (they hand back)."""
        self.allow_pick_jobs = False
        loop = asyncio.get_running_loop()
        async with self._taking:  # what is being taken at this moment is given back below
            pass
        end = loop.time() + seconds
        while running := [task for task in self.tasks.values() if not task.done()]:
            left = end - loop.time()
            if left > 0:
                await asyncio.wait(running, timeout=left)
                continue
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=_CANCEL_SECONDS)
        async with self.pool.pipeline(transaction=False) as pipe:
            _forget(pipe, self._ended)
            await pipe.execute()

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        """Take what nobody runs yet, in one round trip for all that there is room for, where arq takes four for each.

        What runs is passed over, lest it hide what comes behind: it stays in arq's queue until it ends.
        """
        async with self._taking:
            now = time()
            self._elsewhere = {id_: end for id_, end in self._elsewhere.items() if end > now}
            known = {*self.tasks, *self._ended, *self._elsewhere}
            fresh = [id_ for id_ in (each.decode(errors="replace") for each in job_ids) if id_ not in known]
            while fresh and self.allow_pick_jobs and (room := self.max_jobs - self.job_counter) > 0:
                await self._take(fresh[:room])
                del fresh[:room]

    async def _take(self, ids: Sequence[str]) -> None:
        async with self.pool.pipeline(transaction=False) as pipe:
            for id_ in ids:
                pipe.set(in_progress_key_prefix + id_, b"1", nx=True, px=int(self.in_progress_timeout_s * 1000))
                pipe.get(job_key_prefix + id_)
            answers = await pipe.execute()
        for id_, taken, payload in zip(ids, answers[::2], answers[1::2], strict=True):
            if not taken:
                self._elsewhere[id_] = time() + _ELSEWHERE_SECONDS
            elif payload is None or not self.allow_pick_jobs:  # ended elsewhere meanwhile, or we drain
                self._ended.append(id_)
            else:
                await self._start(id_, payload)

    async def _start(self, id_: str, payload: bytes) -> None:
        await self.sem.acquire()
        self.job_counter += 1
        task = self.loop.create_task(self._run(id_, payload))
        task.add_done_callback(partial(self._release, id_))
        self.tasks[id_] = task

    def _release(self, id_: str, task: asyncio.Task[None]) -> None:
        if task.cancelled():  # before it began: _run lets no cancellation through
            self._ended.append(id_)
        full = self.job_counter >= self.max_jobs
        self._release_sem_dec_counter_on_complete()
        if full:
            self._bell.set()

    async def _run(self, id_: str, payload: bytes) -> None:
        """Run one message; arq's own run_job asks Redis twice more and keeps count of tries, which the rows do here."""
        try:
            name, arguments, named, *_ = deserialize_job_raw(payload, deserializer=json.loads)
            await self.functions[name].coroutine(self.ctx, *arguments, **named)
        except asyncio.CancelledError:
            _log.info("a step was cut short", message=id_)  # it has handed itself back
        except Exception:  # noqa: BLE001 - whatever it is must not end the worker
            _log.exception("a message could not be run", message=id_)
        self._ended.append(id_)

    def _ring(self, score: float) -> None:
        """Wake for a message that is due before the next look."""
        if score < self._wakes_at:
            self._bell.set()

    async def _poll_iteration(self) -> None:
        """Start what is due, as arq does, and sleep until the next message is: one look tells both."""
        self._bell.clear()
        self._wakes_at = math.inf
        now = time() * 1000
        picks = self.allow_pick_jobs and self.job_counter < self.max_jobs
        ended = tuple(self._ended)
        async with self.pool.pipeline(transaction=False) as pipe:
            _forget(pipe, ended)
            pipe.zrangebyscore(QUEUE_NAME, "-inf", now, start=0, num=self.queue_read_limit if picks else 0)
            pipe.zrangebyscore(QUEUE_NAME, f"({now}", "+inf", start=0, num=1, withscores=True)
            *_, due, upcoming = await pipe.execute()
        del self._ended[: len(ended)]
        await self.start_jobs(due)
        for id_, task in list(self.tasks.items()):
            if task.done():
                del self.tasks[id_]
                if not task.cancelled():
                    task.result()
        await self.heart_beat()
        await self._sleep_until(min([now + _IDLE_SECONDS * 1000, *(score for _, score in upcoming)]))

    async def _sleep_until(self, score: float) -> None:
        self._wakes_at = score
        # asyncio.timeout, not wait_for: on 3.11 that one may swallow a cancellation that comes with the bell.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, score / 1000 - time())):
                await self._bell.wait()


def _task(step: Step, run: RunStep) -> WorkerCoroutine:
    async def task(_ctx: dict[Any, Any], account: str, export_id: str, version: int) -> None:
        await run(Message(step, account, export_id, version))

    task.__qualname__ = step.value
    return cast("WorkerCoroutine", task)


def _forget(pipe: Pipeline, ids: Sequence[str]) -> None:
    """The payload goes first: without it a message is not run, whoever still finds it in the queue."""
    if ids:
        pipe.delete(*(prefix + id_ for id_ in ids for prefix in (job_key_prefix, in_progress_key_prefix)))
        pipe.zrem(QUEUE_NAME, *ids)


def _dump(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode()
