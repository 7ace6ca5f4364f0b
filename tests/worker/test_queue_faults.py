"""Promises of the queue against what goes wrong in Redis or is put there by others."""

import asyncio
import os
import pickle
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from arq.constants import in_progress_key_prefix, job_key_prefix
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as NoAnswer

from landfall.transport.embedded import EmbeddedRedis
from tests.asynchronous import run
from tests.worker.consuming import Steps, connected, consuming, message, until, until_absent
from worker import consumer as consumer_module
from worker.consumer import Consumer
from worker.queue import QUEUE_NAME, Message, Redis, Standing, StepQueue

ORPHANS = 5_000  # FAULTS, row 23


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    embedded = EmbeddedRedis(tmp_path_factory.mktemp("queue-faults"))
    embedded.ensure()
    yield embedded
    embedded.stop()


@pytest.fixture
def server(embedded: EmbeddedRedis) -> str:
    return embedded.url


@asynccontextmanager
async def impatient(url: str) -> AsyncIterator[Redis]:
    """A client that gives up on an answer after a tenth of a second."""
    redis: Redis = Redis.from_url(url, socket_timeout=0.1)
    try:
        yield redis
    finally:
        await redis.aclose()


def test_a_claim_whose_answer_was_lost_is_recognised_by_the_worker_that_made_it(
    embedded: EmbeddedRedis, server: str
) -> None:
    process = int((embedded.folder / "redis.pid").read_text(encoding="ascii"))

    async def scenario() -> None:
        async with connected(server) as redis, impatient(server) as hasty:
            steps, sent = Steps(), StepQueue(redis)
            id_ = message("a").id
            await sent.send([message("a")])
            consumer = Consumer(sent, hasty, steps.run, max_jobs=3)
            await hasty.ping()
            os.kill(process, signal.SIGSTOP)
            try:
                with pytest.raises(NoAnswer):
                    await consumer.start_jobs([id_.encode()])
            finally:
                os.kill(process, signal.SIGCONT)

            async def claimed() -> bool:
                return bool(await redis.exists(in_progress_key_prefix + id_))

            await until(claimed)
            async with consuming(consumer):
                await steps.until_begun("a")
            assert steps.begun == {"a": 1}

    run(scenario())


@pytest.mark.parametrize("prefix", [in_progress_key_prefix, job_key_prefix])
def test_a_key_that_holds_somebody_elses_data_costs_its_message_only(server: str, prefix: str) -> None:
    async def scenario() -> None:
        async with connected(server) as redis:
            steps, sent = Steps(), StepQueue(redis)
            await sent.send([message("taken")])
            await redis.delete(prefix + message("taken").id)
            await redis.sadd(prefix + message("taken").id, "theirs")  # type: ignore[misc]  # redis-py types it for both its clients
            async with consuming(Consumer(sent, redis, steps.run, max_jobs=3)) as consumes:
                await sent.send([message("new")])
                await steps.until_begun("new")
                await until_absent(sent, message("taken").id)
                assert await redis.exists(prefix + message("taken").id)
                # As the sweeper does when it finds the step overdue and its message gone.
                await sent.forget([message("taken").id])
                await sent.send([message("taken")])
                await steps.until_begun("taken")
                assert not consumes.done()

    run(scenario())


def test_an_id_that_is_no_text_is_removed_from_the_queue(server: str) -> None:
    async def scenario() -> None:
        async with connected(server) as redis:
            steps, sent = Steps(), StepQueue(redis)
            await redis.zadd(QUEUE_NAME, {b"\xff\xfe:1": 1})
            assert await sent.oldest_running() == []
            async with consuming(Consumer(sent, redis, steps.run, max_jobs=3)):
                await sent.send([message("new")])
                await steps.until_begun("new")

                async def removed() -> bool:
                    return await redis.zscore(QUEUE_NAME, b"\xff\xfe:1") is None

                await until(removed)

    run(scenario())


def test_a_queue_that_is_none_is_named_and_used_again_when_it_is_one(
    server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario() -> None:
        async with connected(server) as redis:
            steps, sent = Steps(), StepQueue(redis)
            consumer = Consumer(sent, redis, steps.run, max_jobs=3)
            await redis.set(QUEUE_NAME, "theirs")
            with pytest.raises(ResponseError):
                await consumer.main()
            assert QUEUE_NAME in capsys.readouterr().out
            await redis.delete(QUEUE_NAME)
            async with consuming(consumer):
                await sent.send([message("a")])
                await steps.until_begun("a")

    run(scenario())


async def _without_payload(redis: Redis, ids: list[str]) -> None:
    await redis.zadd(QUEUE_NAME, dict.fromkeys(ids, 1))


async def _of_a_dead_worker(redis: Redis, ids: list[str]) -> None:
    await redis.zadd(QUEUE_NAME, dict.fromkeys(ids, 1))
    await redis.mset({in_progress_key_prefix + id_: b"1" for id_ in ids})
    await redis.mset({job_key_prefix + id_: b"{}" for id_ in ids})


async def _no_text(redis: Redis, ids: list[str]) -> None:
    await redis.zadd(QUEUE_NAME, dict.fromkeys([b"\xff" + id_.encode() for id_ in ids], 1))


@pytest.mark.slow
@pytest.mark.parametrize("plant", [_without_payload, _of_a_dead_worker, _no_text])
@pytest.mark.parametrize("max_jobs", [2, 50])
def test_five_thousand_ids_that_nobody_runs_hide_no_new_message(
    server: str, plant: Callable[[Redis, list[str]], Any], max_jobs: int
) -> None:
    async def scenario() -> None:
        async with connected(server) as redis:
            steps, sent = Steps(), StepQueue(redis)
            await plant(redis, [message(f"orphan-{number:04}").id for number in range(ORPHANS)])
            async with consuming(Consumer(sent, redis, steps.run, max_jobs=max_jobs)):
                await sent.send([message("new")])
                await steps.until_begun("new")
            assert steps.begun == {"new": 1}

    run(scenario())


class _RunsCode:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (self._path,)


def test_a_hostile_pickle_runs_no_code(server: str, tmp_path: Path) -> None:
    mark = tmp_path / "was here"
    payload = pickle.dumps({"t": 1, "f": "poll", "a": (_RunsCode(mark),), "k": {}, "et": 1})

    async def scenario() -> None:
        async with connected(server) as redis:
            steps, sent = Steps(), StepQueue(redis)
            hostile = message("hostile").id
            for key in (job_key_prefix + hostile, f"arq:result:{hostile}", f"arq:retry:{hostile}"):
                await redis.set(key, payload)
            await redis.zadd(QUEUE_NAME, {hostile: 1})
            async with consuming(Consumer(sent, redis, steps.run, max_jobs=3)) as consumes:
                await sent.send([message("new")])
                await steps.until_begun("new")
                await until_absent(sent, hostile)
                assert not consumes.done()
            assert steps.begun == {"new": 1}

    run(scenario())
    assert not mark.exists()
    pickle.loads(payload)  # noqa: S301 - shows that it is hostile
    assert mark.exists()


def test_a_second_request_to_stop_lets_nothing_finish(server: str) -> None:
    async def scenario() -> None:
        async with connected(server) as redis:
            steps, sent, hurry = Steps(), StepQueue(redis), asyncio.Event()
            consumer = Consumer(sent, redis, steps.run, max_jobs=3)
            async with consuming(consumer):
                await sent.send([message("a")])
                await steps.until_begun("a")
                draining = asyncio.create_task(consumer.drain(3600.0, hurry))
                await asyncio.sleep(0)
                assert not draining.done()
                hurry.set()
                await draining
                assert await sent.standings([message("a").id]) == {message("a").id: Standing.ABSENT}

    run(scenario())


def test_a_step_that_cannot_hand_itself_back_does_not_keep_the_worker(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer_module, "_HAND_BACK_SECONDS", 0.05)
    monkeypatch.setattr(consumer_module, "_CANCEL_SECONDS", 0.01)

    async def scenario() -> None:
        back = asyncio.Event()

        async def stubborn(_message: Message) -> None:
            begun.set()
            while not back.is_set():
                try:
                    await back.wait()
                except asyncio.CancelledError:
                    continue

        begun = asyncio.Event()
        async with connected(server) as redis:
            sent = StepQueue(redis)
            consumer = Consumer(sent, redis, stubborn, max_jobs=3)
            async with consuming(consumer):
                await sent.send([message("a")])
                await begun.wait()
                await consumer.drain(0.0)
                assert await sent.standings([message("a").id]) == {message("a").id: Standing.RUNNING}
                back.set()

    run(scenario())
