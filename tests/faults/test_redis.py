"""Rows 15 to 21: a Redis that forgets, dies, stays away, falls silent, is slow, refuses or is written to by others."""

import os
import pickle
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from arq.constants import job_key_prefix

from tests.faults.moving import longest_rest, with_a_step
from tests.faults.promise import assert_kept
from tests.faults.row import Row
from tests.services.redis_server import RedisServer, running_redis
from tests.services.wire import Wire, running_wire
from tests.stack import until
from worker.queue import QUEUE_NAME

AWAY_SECONDS = 30
BUILDS = {"sandbox": ("--build-mean", "2", "--build-sigma", "0.2")}


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with running_redis(tmp_path / "redis") as server:
        yield server


@pytest.fixture
def wire(redis: RedisServer) -> Iterator[Wire]:
    with running_wire(redis.port) as wire:
        yield wire


@pytest.fixture
def redis_url(request: pytest.FixtureRequest, redis: RedisServer) -> str:
    """The row's own Redis, or the wire to it."""
    if getattr(request, "param", "") == "wire":
        wire: Wire = request.getfixturevalue("wire")
        return f"redis://127.0.0.1:{wire.port}/0"
    return redis.url


def loaded(row: Row, count: int = 12) -> None:
    """Two workers, and exports that wait, build and are fetched."""
    row.start_workers(2)
    row.submit(count)
    row.submit(2, account="shop-ab")
    until(lambda: row.stack.sandbox.stats()["whole_downloads"], "the first file")


def assert_nobody_ended(row: Row) -> None:
    assert [process.poll() for process in row.stack.processes] == [None] * len(row.stack.processes)


def assert_quick(row: Row, met: list[tuple[list[str], float]], limit: float) -> None:
    rest = max(longest_rest(row, moving, since) for moving, since in met)
    row.note(each_moved_in=f"{rest:.1f} s")
    assert rest <= limit


@pytest.mark.faults(15, "FLUSHALL", **BUILDS)
def test_what_redis_forgets_is_sent_again(row: Row, redis: RedisServer) -> None:
    loaded(row)
    met = []
    for _ in range(3):
        files = row.stack.sandbox.stats()["whole_downloads"]
        moving = with_a_step(row)
        row.inject("FLUSHALL")
        met.append((moving, time.time()))
        redis.command("FLUSHALL")
        until(lambda files=files: row.stack.sandbox.stats()["whole_downloads"] > files, "another file")  # type: ignore[misc]  # mypy does not infer a lambda with a default
        row.submit(3)
    assert_kept(row, injected=3)
    assert_quick(row, met, 10)
    assert_nobody_ended(row)


@pytest.mark.parametrize("down", [0, 5])
@pytest.mark.faults(16, "Redis killed, nothing of it kept", **BUILDS)
def test_a_redis_that_dies_with_all_it_knew_costs_nothing(row: Row, redis: RedisServer, down: int) -> None:
    loaded(row)
    met = with_a_step(row)
    row.injected["SIGKILL of Redis"] += 1
    redis.kill()
    back = time.monotonic() + down
    row.submit(2, account="shop-ab")
    until(lambda: time.monotonic() >= back, "the end of the time down")
    redis.start()
    since = time.time()
    row.moments = [since]
    row.note(down=f"{down} s")
    assert_kept(row)
    assert_quick(row, [(met, since)], 10)
    assert_nobody_ended(row)


@pytest.mark.faults(17, f"Redis away for {AWAY_SECONDS} s", **BUILDS)
def test_exports_are_accepted_while_redis_is_away_and_run_when_it_is_back(row: Row, redis: RedisServer) -> None:
    loaded(row)
    row.injected["Redis stopped"] += 1
    redis.stop()
    before = len(row.accepted)
    back = time.monotonic() + AWAY_SECONDS
    while time.monotonic() < back:
        row.submit()
        next_ = time.monotonic() + 2
        until(lambda next_=next_: time.monotonic() >= next_, "the next export")  # type: ignore[misc]  # mypy does not infer a lambda with a default
    met = with_a_step(row)
    redis.start()
    since = time.time()
    row.moments = [since]
    row.note(accepted_meanwhile=len(row.accepted) - before)
    assert_kept(row)
    assert_quick(row, [(met, since)], 10)
    assert_nobody_ended(row)


@pytest.mark.parametrize("redis_url", ["wire"], indirect=True)
@pytest.mark.faults(18, "Redis half-open", **BUILDS)
def test_a_connection_to_redis_that_fell_silent_is_given_up_for_another(row: Row, wire: Wire) -> None:
    row.start_workers(2)
    longest = 0.0
    for _ in range(2):
        row.inject("silence")
        row.note(connections=wire.silence(new_too=False))
        began = time.monotonic()
        (id_,) = row.submit()
        until(lambda id_=id_: "start" in row.kinds(id_), "a start")  # type: ignore[misc]  # mypy does not infer a lambda with a default
        longest = max(longest, time.monotonic() - began)
    row.note(started_in=f"{longest:.1f} s")
    assert_kept(row, injected=2)
    assert longest <= 5
    assert_nobody_ended(row)


@pytest.mark.faults(19, "Redis slow, 1 s each time", **BUILDS)
def test_a_slow_redis_only_slows(row: Row, redis: RedisServer) -> None:
    loaded(row)
    for _ in range(4):
        row.inject("CLIENT PAUSE")
        redis.command("CLIENT", "PAUSE", 1000)
        row.submit()
        redis.command("PING")
    assert_kept(row, injected=4)
    assert_nobody_ended(row)
    row.note(gave_up=row.stack.log("worker").count('"trying again"'))
    assert '"trying again"' not in row.stack.log("worker")


def fill(redis: RedisServer) -> Callable[[], object]:
    redis.command("CONFIG", "SET", "maxmemory", "1", "maxmemory-policy", "noeviction")
    return lambda: redis.command("CONFIG", "SET", "maxmemory", "0")


def make_read_only(redis: RedisServer) -> Callable[[], object]:
    redis.command("REPLICAOF", "127.0.0.1", "1")
    return lambda: redis.command("REPLICAOF", "NO", "ONE")


def lock_out(redis: RedisServer) -> Callable[[], object]:
    admin = redis.connect()
    admin.execute_command("ACL", "SETUSER", "admin", "on", "nopass", "~*", "&*", "+@all")  # type: ignore[no-untyped-call]  # redis-py leaves it open
    admin.execute_command("AUTH", "admin", "any")  # type: ignore[no-untyped-call]  # as above
    admin.execute_command("ACL", "SETUSER", "default", "resetpass", ">secret")  # type: ignore[no-untyped-call]  # as above
    admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")  # type: ignore[no-untyped-call]  # as above

    def let_in() -> None:
        admin.execute_command("ACL", "SETUSER", "default", "nopass")  # type: ignore[no-untyped-call]  # as above
        admin.close()

    return let_in


@pytest.mark.parametrize("refuse", [fill, make_read_only, lock_out])
@pytest.mark.faults(20, "Redis full, read-only or locked", **BUILDS)
def test_a_redis_that_refuses_leaves_the_exports_as_they_are_until_it_takes_again(
    row: Row, redis: RedisServer, refuse: Callable[[RedisServer], Callable[[], object]]
) -> None:
    loaded(row)
    row.injected[refuse.__name__] += 1
    accept_again = refuse(redis)
    row.submit(3)
    until(lambda: '"trying again"' in row.stack.log("worker"), "the workers' warning")
    row.submit(3)
    met = with_a_step(row)
    accept_again()
    since = time.time()
    row.moments = [since]
    assert_kept(row)
    assert_quick(row, [(met, since)], 10)
    assert_nobody_ended(row)
    row.note(how=refuse.__name__)


class _Hostile:
    """A message that makes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.mkdir, (str(self._path),)


@pytest.mark.faults(21, "hostile pickle in Redis")
def test_a_pickle_in_redis_runs_no_code_and_is_in_nobodys_way(row: Row, redis: RedisServer, tmp_path: Path) -> None:
    row.start_workers(2)
    (id_,) = row.submit()
    names = ["exp_evil:1", f"{id_}:99", *(f"exp_evil:{number}" for number in range(2, 6))]
    made = [tmp_path / f"made-{number}" for number in range(len(names))]
    assert pickle.loads(pickle.dumps(_Hostile(made[0]))) is None  # noqa: S301 - shows that it does harm where it is read
    made[0].rmdir()
    with redis.connect() as client:
        for name, path in zip(names, made, strict=True):
            row.inject("pickle")
            client.set(job_key_prefix + name, pickle.dumps({"f": "start", "a": _Hostile(path)}))
            client.zadd(QUEUE_NAME, {name: 1})
            client.set(f"landfall:shared:{name}", pickle.dumps(_Hostile(path)))
        row.submit(4)
        assert_kept(row, injected=len(names))
        until(lambda: not client.zrange(QUEUE_NAME, 0, -1), "an empty queue")
    code_run = sum(path.exists() for path in made)
    assert code_run == 0
    assert_nobody_ended(row)
    row.note(code_run=code_run)
