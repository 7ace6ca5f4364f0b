"""Promises of the queue and its consumer, over a real Redis."""

import asyncio
from collections.abc import Iterator

import pytest
from arq.constants import in_progress_key_prefix

from landfall.transport.embedded import EmbeddedRedis
from tests.asynchronous import run
from tests.worker.consuming import Steps, connected, consuming, message, until, until_absent, working
from worker.consumer import Consumer
from worker.queue import QUEUE_NAME, Standing, StepQueue


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    embedded = EmbeddedRedis(tmp_path_factory.mktemp("queue"))
    embedded.ensure()
    yield embedded.url
    embedded.stop()


def test_what_another_worker_runs_does_not_hide_what_nobody_runs(server: str) -> None:
    async def scenario() -> None:
        async with connected(server) as redis:
            busy, idle = Steps(), Steps()
            first, second = StepQueue(redis), StepQueue(redis)
            async with consuming(Consumer(first, redis, busy.run, max_jobs=2)):
                await first.send([message("a"), message("b")])
                await busy.until_begun("a", "b")
                async with consuming(Consumer(second, redis, idle.run, max_jobs=2)):
                    await second.send([message("c"), message("d")])
                    await idle.until_begun("c", "d")
            assert busy.begun == {"a": 1, "b": 1}

    run(scenario())


def test_what_a_dead_worker_left_at_the_head_does_not_hide_new_messages(server: str) -> None:
    async def scenario() -> None:
        async with working(server) as (redis, steps, sent, consumer):
            dead = [message(f"dead-{number}") for number in range(25)]
            await sent.send(dead)
            await redis.mset({in_progress_key_prefix + each.id: b"1" for each in dead})
            async with consuming(consumer):
                await sent.send([message("new")])
                await steps.until_begun("new")
            assert steps.begun == {"new": 1}

    run(scenario())


def test_a_step_that_is_cancelled_before_it_begins_leaves_no_message_behind(server: str) -> None:
    async def scenario() -> None:
        async with working(server) as (redis, steps, sent, consumer):
            await sent.send([message("a")])
            # Taken, and not begun: its task runs at the next await only.
            await consumer.start_jobs([message("a").id.encode()])
            assert len(consumer.tasks) == 1
            await consumer.drain(0.0)
            assert not steps.begun
            assert await sent.standings([message("a").id]) == {message("a").id: Standing.ABSENT}
            assert await redis.keys("arq:*") == []

    run(scenario())


def test_a_consumer_outlives_a_step_that_was_cancelled_before_it_began(server: str) -> None:
    async def scenario() -> None:
        async with working(server) as (_, steps, sent, consumer):
            await sent.send([message("a")])
            await consumer.start_jobs([message("a").id.encode()])
            consumer.tasks[message("a").id].cancel()
            async with consuming(consumer) as consumes:
                await sent.send([message("b")])
                await steps.until_begun("b")
                assert not consumes.done()

    run(scenario())


def test_a_worker_that_drains_takes_nothing_that_it_was_about_to_take(server: str) -> None:
    async def scenario() -> None:
        async with working(server) as (_, _, sent, consumer):
            await sent.send([message("a")])
            taking = asyncio.create_task(consumer.start_jobs([message("a").id.encode()]))
            await asyncio.sleep(0)  # its question is under way
            await consumer.drain(0.0)
            await taking
            assert not consumer.tasks
            assert await sent.standings([message("a").id]) == {message("a").id: Standing.ABSENT}

    run(scenario())


def test_no_place_is_counted_twice_when_redis_comes_back(server: str) -> None:
    async def scenario() -> None:
        async with working(server) as (_, steps, sent, consumer):
            await sent.send([message("a")])
            await consumer.start_jobs([message("a").id.encode()])
            await steps.until_begun("a")
            async with consuming(consumer, after=steps.let_go):  # the step has ended, its callbacks have not yet run
                await asyncio.sleep(0)
                steps.let_go.set()
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                assert consumer.job_counter == 0

    run(scenario())


def test_a_payload_of_another_release_is_forgotten_and_hides_nothing(server: str) -> None:
    async def scenario() -> None:
        async with working(server) as (redis, steps, sent, consumer):
            ids = {"garbage:1": b"\x80\x04", "unknown:1": b'{"f": "vanished", "a": [], "k": {}, "t": null, "et": 1}'}
            for id_, payload in ids.items():
                await redis.set(f"arq:job:{id_}", payload)
                await redis.zadd(QUEUE_NAME, {id_: 1})
            async with consuming(consumer):
                await sent.send([message("new")])
                await steps.until_begun("new")
                await until_absent(sent, *ids)

    run(scenario())


def test_a_message_that_is_sent_again_after_its_end_runs_again(server: str) -> None:
    async def scenario() -> None:
        async with working(server) as (_, steps, sent, consumer):
            steps.let_go.set()
            async with consuming(consumer):
                await sent.send([message("a")])
                await steps.until_begun("a")
                await until_absent(sent, message("a").id)
                await sent.send([message("a")])

                async def twice() -> bool:
                    return steps.begun["a"] == 2

                await until(twice)

    run(scenario())
