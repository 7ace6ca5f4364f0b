"""Rows 14, 22 and 23: a Redis that dies again and again, and messages that are doubled or in the way."""

import json
import time

import pytest
from arq.constants import job_key_prefix
from arq.jobs import serialize_job
from redis import Redis

from landfall.transport.embedded import EmbeddedRedis
from tests.faults.promise import assert_kept
from tests.faults.row import Row
from tests.stack import until
from worker.queue import QUEUE_NAME

KILLS = 5
DUPLICATES = 10
STRAY_MESSAGES = 5_000


def redis_of(row: Row) -> Redis:
    return Redis.from_url(EmbeddedRedis(row.stack.home).url)


@pytest.mark.faults(14, "Redis killed again and again")
def test_workers_outlive_a_redis_that_is_killed_again_and_again(row: Row) -> None:
    workers = row.start_workers(2)
    redis = EmbeddedRedis(row.stack.home)
    for _ in range(KILLS):
        row.submit(5)
        row.kill_redis()
        until(redis.alive, "another Redis")
    figures = assert_kept(row, injected=KILLS)
    assert [worker.poll() for worker in workers] == [None, None]
    assert (figures.back_in or 0) <= 5


@pytest.mark.faults(22, f"{DUPLICATES} wake-ups for one step")
def test_of_many_messages_for_one_step_one_counts(row: Row) -> None:
    (id_,) = row.submit()
    version = 2  # accepted, then admitted: its start is due
    with redis_of(row) as redis:
        for number in range(DUPLICATES):
            row.inject("message")
            send(redis, f"{id_}:{version}:{number}", "start", "shop-bwp", id_, version)
    row.start_workers(2)
    assert_kept(row, injected=DUPLICATES)
    late = row.stack.log("worker").count('"a message came late"')
    assert (row.starts(), late >= DUPLICATES - 1) == (1, True)
    row.note(starts=row.starts(), no_ops=late)


@pytest.mark.faults(23, f"{STRAY_MESSAGES} stray messages ahead")
def test_stray_messages_at_the_head_do_not_hide_new_work(row: Row) -> None:
    row.start_workers(1)
    with redis_of(row) as redis:
        row.injected["stray message"] = redis.zadd(
            QUEUE_NAME, {f"exp_stray:{number}": 1 for number in range(STRAY_MESSAGES)}
        )
    began = time.monotonic()
    (id_,) = row.submit()
    until(lambda: "start" in row.kinds(id_), "the start of a new export")
    row.note(started_in=f"{time.monotonic() - began:.1f} s")
    assert_kept(row, injected=STRAY_MESSAGES)


def send(redis: Redis, message: str, *arguments: object) -> None:
    """Put a message into arq's queue under an id of its own."""
    name, *rest = arguments
    payload = serialize_job(str(name), tuple(rest), {}, None, 1, serializer=lambda data: json.dumps(data).encode())
    redis.set(job_key_prefix + message, payload)
    redis.zadd(QUEUE_NAME, {message: 1})
