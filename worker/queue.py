"""Sends the messages that ask for steps, as arq writes them."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from time import time
from typing import Any

from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix, job_key_prefix
from arq.jobs import serialize_job
from redis.asyncio.client import Pipeline

from landfall.exports.job import ExportJob
from landfall.exports.states import Step

QUEUE_NAME = "landfall:steps"
SOCKET_SECONDS = 3.0
_HORIZON_SECONDS = 60.0
READ_LIMIT = 1000
# Far above any step: a lease decides when a step is taken from a silent worker, never arq.
RUNNING_MS = (24 * 3600 + 10) * 1000
_PAYLOAD_MS = 24 * 3600 * 1000
# Above what a consumer puts off a message that somebody runs, and what the clocks of two workers may be apart.
_LATE_MS = 15_000


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
    """What arq knows of a message; one that waits although its step is overdue, for a clock was set back, is ABSENT."""

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
    redis.job_serializer = dump
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
                payload = serialize_job(message.step.value, arguments, {}, None, int(now), serializer=dump)
                score = int(now + message.delay * 1000)
                earliest = min(earliest, score)
                pipe.set(job_key_prefix + message.id, payload, px=score - int(now) + _PAYLOAD_MS, nx=True)
                pipe.zadd(QUEUE_NAME, {message.id: score}, nx=True)
            await pipe.execute()
        self.on_send(earliest)

    async def standings(self, ids: Sequence[str]) -> Mapping[str, Standing]:
        """How the messages of these ids, whose steps are overdue, stand."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for id_ in ids:
                pipe.zscore(QUEUE_NAME, id_)
                pipe.exists(in_progress_key_prefix + id_)
            answers = await pipe.execute()
        latest = time() * 1000 + _LATE_MS
        return {
            id_: _standing(score, latest, runs=bool(running))
            for id_, score, running in zip(ids, answers[::2], answers[1::2], strict=True)
        }

    async def running_seconds(self, ids: Sequence[str]) -> list[float]:
        """For how long each of these messages has run; 0 for one that does not."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for id_ in ids:
                pipe.pttl(in_progress_key_prefix + id_)
            left = await pipe.execute()
        # Negative: there is no such key (-2), or no worker of ours wrote it (-1), and nothing is known of it.
        return [0.0 if each < -1 else math.inf if each < 0 else (RUNNING_MS - each) / 1000 for each in left]

    async def oldest_running(self) -> list[Message]:
        """Messages at the head of the queue that arq believes to be running, oldest first."""
        head: list[bytes] = await self._redis.zrange(QUEUE_NAME, 0, READ_LIMIT - 1)
        ids = [id_ for id_ in map(readable, head) if id_]
        if not ids:
            return []
        async with self._redis.pipeline(transaction=False) as pipe:
            for id_ in ids:
                pipe.exists(in_progress_key_prefix + id_)
            running = await pipe.execute()
        found = [id_.rpartition(":") for id_, runs in zip(ids, running, strict=True) if runs]
        return [Message(Step.POLL, "", name, int(version)) for name, _, version in found if version.isdecimal()]

    async def forget(self, ids: Sequence[str]) -> None:
        """Remove messages whose worker went silent, so that they do not stand before newer ones."""
        async with self._redis.pipeline(transaction=True) as pipe:
            remove(pipe, ids)
            await pipe.execute()


def _standing(score: float | None, latest: float, *, runs: bool) -> Standing:
    if score is None or (score > latest and not runs):
        return Standing.ABSENT
    return Standing.RUNNING if runs else Standing.WAITING


def readable(id_: bytes) -> str | None:
    """A message's id as text, None for what no release of ours can have written."""
    try:
        return id_.decode()
    except UnicodeDecodeError:
        return None


def remove(pipe: Pipeline, ids: Sequence[str]) -> None:
    """Remove messages. The payload goes first: without it a message is not run, whoever still finds it in the queue."""
    if ids:
        pipe.delete(*(prefix + id_ for id_ in ids for prefix in (job_key_prefix, in_progress_key_prefix)))
        pipe.zrem(QUEUE_NAME, *ids)


def dump(message: dict[str, Any]) -> bytes:
    """Write a message as arq's serializer."""
    return json.dumps(message).encode()
