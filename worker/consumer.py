"""Runs the steps that messages ask for, through arq's worker."""

import asyncio
import contextlib
import json
import math
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from time import time
from typing import Any, cast

from arq.constants import in_progress_key_prefix, job_key_prefix
from arq.jobs import deserialize_job_raw
from arq.typing import WorkerCoroutine
from arq.worker import Worker, func
from redis.exceptions import ResponseError

from landfall.exports.states import Step
from landfall.log import get_logger
from worker.queue import QUEUE_NAME, READ_LIMIT, RUNNING_MS, Message, Redis, StepQueue, dump, readable, remove

_IDLE_SECONDS = 0.2
# A step that was about to begin when the rest were cancelled is cancelled on the next round.
_CANCEL_SECONDS = 1.0
# `landfall up` waits for five seconds more than the grace.
_HAND_BACK_SECONDS = 3.0
# Then a message that runs, here or elsewhere, is looked at again; until then it stands before nobody.
_PASSED_MS = 10_000
_WRONG_TYPE = "WRONGTYPE"

_log = get_logger(__name__)
RunStep = Callable[[Message], Awaitable[None]]


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
            job_timeout=timedelta(milliseconds=RUNNING_MS),
            keep_result=0,
            log_results=False,
            poll_delay=0,
            queue_read_limit=READ_LIMIT,
            retry_jobs=False,
            job_serializer=dump,
            job_deserializer=json.loads,
        )
        self._bell = asyncio.Event()
        self._wakes_at = math.inf
        self._me = secrets.token_hex(8).encode()
        self._ended: list[str] = []
        self._passed: list[str] = []
        self._foreign: list[bytes] = []
        self._taking = asyncio.Lock()
        queue.on_send = self._ring

    def take_no_more(self) -> None:
        """Take no new steps."""
        self.allow_pick_jobs = False

    async def drain(self, seconds: float, hurry: asyncio.Event | None = None) -> None:
        """Take no new steps, let the running ones finish for so long, then cancel the rest (they hand back).

        `hurry` ends the wait. What cannot be handed back either, because the database is away, is left to its lease.
        """
        self.take_no_more()
        async with self._taking:  # what is being taken at this moment is given back below
            pass
        await self._let_finish(seconds, hurry or asyncio.Event())
        end = self.loop.time() + _HAND_BACK_SECONDS
        while (running := self._running()) and self.loop.time() < end:
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=_CANCEL_SECONDS)
        if running:
            _log.warning("steps were left to their leases", count=len(running))
        async with self.pool.pipeline(transaction=False) as pipe:
            remove(pipe, self._ended)
            await pipe.execute()

    def _running(self) -> list[asyncio.Task[None]]:
        return [task for task in self.tasks.values() if not task.done()]

    async def _let_finish(self, seconds: float, hurry: asyncio.Event) -> None:
        if not (running := self._running()) or seconds <= 0:
            return
        waits = {asyncio.create_task(_all_of(running)), asyncio.create_task(_first(hurry))}
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        """Take what nobody runs yet, in one round trip for all that there is room for, where arq takes four for each.

        What runs is passed over, and made due again later, lest it hide what comes behind: it stays in arq's queue
        until it ends.
        """
        async with self._taking:
            ids = self._readable(job_ids)
            known = {*self.tasks, *self._ended}
            self._passed += [id_ for id_ in ids if id_ in self.tasks]
            fresh = [id_ for id_ in ids if id_ not in known]
            while fresh and self.allow_pick_jobs and (room := self.max_jobs - self.job_counter) > 0:
                await self._take(fresh[:room])
                del fresh[:room]

    def _readable(self, job_ids: Sequence[bytes]) -> list[str]:
        read = [(each, readable(each)) for each in job_ids]
        if foreign := [each for each, id_ in read if id_ is None]:
            self._foreign += foreign
            _log.warning("what is no message was removed from the queue", count=len(foreign))
        return [id_ for _, id_ in read if id_ is not None]

    async def _take(self, ids: Sequence[str]) -> None:
        async with self.pool.pipeline(transaction=False) as pipe:
            for id_ in ids:
                pipe.set(in_progress_key_prefix + id_, self._me, nx=True, px=RUNNING_MS)
                # An answer that was lost may have said that it is ours.
                pipe.get(in_progress_key_prefix + id_)
                pipe.get(job_key_prefix + id_)
            answers = await pipe.execute(raise_on_error=False)
        for error in answers:
            if isinstance(error, ResponseError) and not _is_wrong_type(error):
                raise error
        for id_, runner, payload in zip(ids, answers[1::3], answers[2::3], strict=True):
            if isinstance(runner, ResponseError) or isinstance(payload, ResponseError):
                self._foreign.append(id_.encode())
                _log.warning("a message was removed: its keys hold what is none of ours", message=id_)
            elif runner != self._me:
                self._passed.append(id_)
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
        due, upcoming = await self._look(now)
        await self.start_jobs(due)
        for id_, task in list(self.tasks.items()):
            if task.done():
                del self.tasks[id_]
                if not task.cancelled():
                    task.result()
        await self.heart_beat()
        if len(due) < self.queue_read_limit:  # else there may be more behind
            await self._sleep_until(min([now + _IDLE_SECONDS * 1000, *(score for _, score in upcoming)]))

    async def _look(self, now: float) -> tuple[list[bytes], list[tuple[bytes, float]]]:
        """Tidy the queue up; returns what is due at its head, and what is due next after that."""
        picks = self.allow_pick_jobs and self.job_counter < self.max_jobs
        ended, foreign = tuple(self._ended), tuple(self._foreign)
        passed, self._passed = dict.fromkeys(self._passed, now + _PASSED_MS), []
        async with self.pool.pipeline(transaction=False) as pipe:
            remove(pipe, ended)
            if foreign:
                pipe.zrem(QUEUE_NAME, *foreign)
            if passed:
                pipe.zadd(QUEUE_NAME, passed, xx=True)
            pipe.zrangebyscore(QUEUE_NAME, "-inf", now, start=0, num=self.queue_read_limit if picks else 0)
            pipe.zrangebyscore(QUEUE_NAME, f"({now}", "+inf", start=0, num=1, withscores=True)
            try:
                *_, due, upcoming = await pipe.execute()
            except ResponseError as error:
                if _is_wrong_type(error):
                    _log.error("Redis holds no queue under the queue's name: delete that key", key=QUEUE_NAME)
                raise
        del self._ended[: len(ended)]
        del self._foreign[: len(foreign)]
        return due, upcoming

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


def _is_wrong_type(error: ResponseError) -> bool:
    return _WRONG_TYPE in str(error)


async def _all_of(tasks: Sequence[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)


async def _first(event: asyncio.Event) -> None:
    await event.wait()
