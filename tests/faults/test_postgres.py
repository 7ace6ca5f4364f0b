"""Rows 24 to 28 and 61: a Postgres that crashes, is away, loses an answer, is locked, or is cut off from one worker."""

import asyncio
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.faults.client import PatientClient
from tests.faults.going_on import assert_all_goes_on, assert_nobody_ended
from tests.faults.moving import longest_rest, with_a_step
from tests.faults.promise import assert_kept
from tests.faults.row import Row
from tests.services.postgres import Postgres, database_name
from tests.services.wire import Loss, Wire, running_wire
from tests.stack import until

AWAY_SECONDS = 12
CRASHES = 4
LOST_ANSWERS = 12
LONGEST_ANSWER_SECONDS = 30
COMMIT = b"COMMIT;\0"
_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
BUILDS = {"sandbox": ("--build-mean", "2", "--build-sigma", "0.2")}


@pytest.fixture
def database_url(server_url: str) -> str:
    return server_url


@pytest.fixture
def wire(server: Postgres) -> Iterator[Wire]:
    with running_wire(urlsplit(server.url).port or 0) as wire:
        yield wire


def through(wire: Wire, url: str) -> dict[str, str]:
    """The settings of a process whose way to the database is the wire."""
    parts = urlsplit(url)
    return {
        "LANDFALL_DATABASE_URL": parts._replace(
            netloc=f"{parts.username}:{parts.password}@127.0.0.1:{wire.port}"
        ).geturl()
    }


def skip_unless_ours(server: Postgres) -> None:
    if not server.is_ours:
        pytest.skip("the server of TEST_DATABASE_URL is not ours to be stopped")


@pytest.mark.faults(24, f"Postgres crashed {CRASHES} times under load", **BUILDS)
def test_a_database_that_crashes_under_load_keeps_what_it_acknowledged(row: Row, server: Postgres) -> None:
    skip_unless_ours(server)
    row.start_workers(2)
    row.submit(6)
    client = PatientClient(row.stack, count=24, first=100, pause=0.3).start()
    met: list[tuple[list[str], float]] = []
    for _ in range(CRASHES):
        files = row.stack.sandbox.stats()["whole_downloads"]
        until(lambda files=files: row.stack.sandbox.stats()["whole_downloads"] > files, "another file")  # type: ignore[misc]  # mypy does not infer a lambda with a default
        moving = with_a_step(row)
        row.inject("immediate stop")
        server.stop(signal.SIGQUIT)
        server.start()
        met.append((moving, time.time()))
    client.finish(row)
    assert_kept(row, injected=CRASHES)
    assert_nobody_ended(row)
    rest = max(longest_rest(row, moving, since) for moving, since in met)
    row.note(each_moved_in=f"{rest:.1f} s", refused=client.answers[503])
    assert rest <= 20


@pytest.mark.faults(25, f"Postgres away for {AWAY_SECONDS} s", **BUILDS)
def test_while_the_database_is_away_nothing_is_promised_and_nobody_gives_up(row: Row, server: Postgres) -> None:
    skip_unless_ours(server)
    row.start_workers(2)
    row.submit(8)
    until(lambda: row.stack.sandbox.stats()["whole_downloads"], "the first file")
    met = with_a_step(row)
    row.injected["Postgres stopped"] += 1
    server.stop()
    client = PatientClient(row.stack, count=6, first=100).start()
    back = time.monotonic() + AWAY_SECONDS
    until(lambda: client.answers[503] > 3, "refusals")
    assert row.stack.get("/readyz").status_code == 503
    assert row.stack.get("/healthz").status_code == 200
    until(lambda: time.monotonic() >= back, "the end of the time away")
    assert not client.accepted
    assert_nobody_ended(row)
    server.start()
    assert_all_goes_on(row, client, met)


@pytest.mark.faults(26, "the answer to COMMIT lost", **BUILDS)
def test_what_was_committed_without_anybody_knowing_is_not_done_again(
    row: Row, server: Postgres, wire: Wire, database_url: str
) -> None:
    row.start_workers(2, **through(wire, database_url))
    wire.loss = Loss(COMMIT, 0.1, LOST_ANSWERS, row.rng)
    row.submit(20)
    until(lambda: len(wire.lost) >= LOST_ANSWERS, "lost answers")
    row.injected["answer lost"] = len(wire.lost)
    row.moments = list(wire.lost)
    assert_kept(row, injected=LOST_ANSWERS)
    assert_nobody_ended(row)
    orphans = server.execute("SELECT count(*) FROM orphans WHERE report_id IS NOT NULL", url=database_url)[0][0]
    row.note(starts=row.starts(), orphans=orphans)
    assert orphans == 0


@pytest.mark.faults(26, "the answer to the API's COMMIT lost")
def test_a_client_that_asks_again_after_a_commit_that_nobody_heard_of_gets_the_same_export(
    row: Row, server: Postgres, wire: Wire, database_url: str
) -> None:
    row.stack.stop()
    row.start_api(**through(wire, database_url))
    row.stack.get("/v1/exports")
    used = "SELECT count(*) FROM keys WHERE last_used_at IS NOT NULL"
    until(lambda: server.execute(used, url=database_url)[0][0], "the note of the key's use, which is a commit as well")
    wire.loss = Loss(COMMIT, 1.0, 2, row.rng)
    client = PatientClient(row.stack, count=1, first=1).start()
    client.finish(row)
    row.injected["answer lost"] = len(wire.lost)
    assert client.answers == {503: 2, 200: 1}
    assert [each["id"] for each in row.stack.get("/v1/exports").json()["items"]] == row.accepted
    row.start_workers(1)
    assert_kept(row, injected=2)


class Session:
    """Another client of the database, that stands in the way."""

    def __init__(self, url: str, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._connection: asyncpg.Connection[Any] = runner.run(asyncpg.connect(url))

    def run(self, statement: str, *arguments: object) -> Any:
        """The first value of the first row."""
        return self._runner.run(self._connection.fetchval(statement, *arguments))

    def lock_account(self) -> None:
        self.run("SELECT name FROM accounts WHERE name = 'shop-bwp' FOR UPDATE")

    def close(self) -> None:
        self._runner.run(self._connection.close())


@contextmanager
def session(url: str) -> Iterator[Session]:
    with asyncio.Runner() as runner:
        session = Session(url, runner)
        try:
            yield session
        finally:
            session.close()


def hold_the_account(row: Row, server: Postgres, url: str) -> str:
    """Keep the account from everybody until one of them has given up waiting."""
    words = "canceling statement due to lock timeout"
    with session(url) as other:
        for _ in range(2):
            told = server.log().count(words)
            row.inject("lock")
            other.run("BEGIN")
            other.lock_account()
            until(lambda told=told: server.log().count(words) > told, words)  # type: ignore[misc]  # mypy does not infer a lambda with a default
            other.run("ROLLBACK")
    return words


def cross_the_workers(row: Row, server: Postgres, url: str) -> str:
    """Take an export first and its account then, where workers take the account first: one of two has to yield."""
    words = "deadlock detected"
    with session(url) as other:
        other.run("SET deadlock_timeout = '30s'")  # so that it is the worker that finds it out
        while server.log().count(words) < 2:
            other.run("BEGIN")
            taken = other.run("SELECT id FROM exports WHERE state = 'exporting' ORDER BY due_at LIMIT 1 FOR UPDATE")
            if taken:
                until(lambda: other.run(_WAITING), "a worker that waits")
                row.inject("crossed locks")
                other.lock_account()
            other.run("ROLLBACK")
    return words


def serialize(row: Row, server: Postgres, url: str) -> str:
    """Let each of the workers' transactions be undone that another one has overtaken."""
    server.execute(f'ALTER DATABASE "{database_name(url)}" SET default_transaction_isolation TO serializable')
    row.start_workers(2)
    words = "could not serialize access"
    for _ in range(10):
        row.submit(24)
        until(lambda: server.log().count(words) >= 5 or row.is_over(), words)
        if server.log().count(words) >= 5:
            break
    row.injected["serialization failure"] = server.log().count(words)
    return words


@pytest.mark.parametrize("stand_in_the_way", [hold_the_account, cross_the_workers, serialize])
@pytest.mark.faults(27, "lock time-out, deadlock, serialization", **BUILDS)
def test_a_transaction_that_another_one_was_in_the_way_of_is_tried_again(
    row: Row, server: Postgres, database_url: str, stand_in_the_way: Callable[[Row, Postgres, str], str]
) -> None:
    if not server.is_ours:
        pytest.skip("the log of the server of TEST_DATABASE_URL cannot be read")
    row.start_workers(2)
    row.submit(16)
    words = stand_in_the_way(row, server, database_url)
    assert_kept(row, injected=2)
    assert_nobody_ended(row)
    row.note(how=stand_in_the_way.__name__, undone=server.log().count(words))


@pytest.mark.faults(28, "2 connections, both waiting for a lock", settings={"LANDFALL_DATABASE_POOL_SIZE": "2"})
def test_who_gets_no_connection_is_told_so_and_does_not_hang(row: Row, database_url: str) -> None:
    row.start_workers(2)
    row.submit(10)
    with session(database_url) as other:
        row.inject("lock")
        other.run("BEGIN")
        other.lock_account()
        clients = [PatientClient(row.stack, count=1, first=10 * number).start() for number in range(1, 9)]
        until(lambda: all(client.answers[503] for client in clients), "an answer for each")
        other.run("ROLLBACK")
    row.moments = [time.time()]
    for client in clients:
        client.finish(row)
    slowest = max(client.slowest for client in clients)
    row.note(slowest_answer=f"{slowest:.1f} s")
    assert_kept(row)
    assert_nobody_ended(row)
    assert slowest <= LONGEST_ANSWER_SECONDS


# asyncpg sends a statement that it has not sent before to be parsed, and only then to be run: a worker that is cut off
# in between holds its locks, and the server does not take it for idle.
@pytest.mark.parametrize("last_words", [b"", b"INSERT INTO events"], ids=["any", "parsed"])
@pytest.mark.faults(61, "database out of one worker's reach", **BUILDS)
def test_the_steps_of_a_worker_that_the_database_is_out_of_reach_of_go_to_another(
    row: Row, wire: Wire, database_url: str, last_words: bytes
) -> None:
    wired = through(wire, database_url)
    lone, other = (*row.start_workers(1, **wired), *row.start_workers(1))
    wire.last_words = last_words
    row.submit(10)
    if last_words:
        until(lambda: not wire.last_words, "the last words of a worker")
    else:
        until(lambda: row.stack.sandbox.stats()["whole_downloads"], "the first file")
        wire.silence(new_too=True)
    row.inject("silence")
    since, met = time.time(), with_a_step(row)
    row.until_over()
    wire.heal()
    assert_nobody_ended(row)
    rest = longest_rest(row, met, since)
    row.note(each_moved_in=f"{rest:.1f} s")
    other.terminate()
    assert row.end_of(other) == 0
    row.stack.processes.remove(other)
    row.submit(2)
    assert_kept(row)
    assert lone.poll() is None
    assert rest <= 20
