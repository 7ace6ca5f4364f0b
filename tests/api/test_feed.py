"""Promises of the one reader behind all streams: it reads once for everybody, and nothing for nobody."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection

from api import streams
from api.feed import Feed
from api.streams import EveryExport, stream
from landfall.database import accounts, ledger
from landfall.database.sqlite import SqliteDatabase
from landfall.exports.settling import Event
from tests.asynchronous import run
from tests.database.databases import LIMITS, migrated
from tests.exports.jobs import NOON, make_job

T = TypeVar("T")
JOB = make_job(id="exp_1")
_PATIENCE_SECONDS = 30.0


class Counting(SqliteDatabase):
    """A database that counts how often it is read."""

    reads = 0

    async def read(self, work: Callable[[Connection], T]) -> T:
        self.reads += 1
        return await super().read(work)


def note(connection: Connection) -> None:
    ledger.note(connection, JOB, Event("wait", None, 0), at=NOON)


def begin(connection: Connection) -> None:
    accounts.register(connection, LIMITS)
    ledger.accept(connection, [JOB])


def with_feed(tmp_path: Path, work: Callable[[Counting, Feed], Awaitable[None]], kept: int = 100) -> None:
    async def go() -> None:
        url = f"sqlite:///{migrated(tmp_path / 'landfall.db')}"
        async with asyncio.timeout(_PATIENCE_SECONDS), Counting(url, durable=False) as database:
            await database.write(begin)
            feed = Feed(database, kept=kept, pause=0.01)
            await work(database, feed)
            await feed.aclose()

    run(go())


async def until(look: Callable[[], bool]) -> None:
    while not look():  # noqa: ASYNC110 - what is looked at makes no event
        await asyncio.sleep(0.001)


def test_a_hundred_listeners_cost_no_more_reads_than_one(tmp_path: Path) -> None:
    async def work(database: Counting, feed: Feed) -> None:
        async def listen() -> bytes:
            heard = b""
            async with aclosing(stream(feed, EveryExport(database, lambda _: True), None)) as pieces:
                async for piece in pieces:
                    heard += piece
                    if b"data: " in heard:
                        return heard
            return heard

        listening = [asyncio.create_task(listen()) for _ in range(100)]
        await until(lambda: feed.listeners.total() == 100 and feed.mark is not None)
        before = database.reads
        await asyncio.sleep(0)
        await database.write(note)
        heard = await asyncio.gather(*listening)
        assert len(set(heard)) == 1
        assert database.reads - before < 100

    with_feed(tmp_path, work)


def test_while_nobody_listens_nothing_is_read(tmp_path: Path) -> None:
    async def work(database: Counting, feed: Feed) -> None:
        with feed.listening():
            await until(lambda: feed.mark is not None)
        await until(lambda: feed.mark is None)
        before = database.reads
        for _ in range(50):
            await asyncio.sleep(0.001)
        assert database.reads == before
        with feed.listening():
            await until(lambda: feed.mark is not None)

    with_feed(tmp_path, work)


def test_a_listener_that_is_behind_what_is_at_hand_misses_nothing(tmp_path: Path) -> None:
    async def work(database: Counting, feed: Feed) -> None:
        numbers: list[int] = []
        async with aclosing(stream(feed, EveryExport(database, lambda _: True), None)) as pieces:
            await anext(pieces)
            await anext(pieces)
            for _ in range(40):
                await database.write(note)
            await until(lambda: feed.mark == 41)
            async for piece in pieces:
                numbers += [int(line[4:]) for line in piece.splitlines() if line.startswith(b"id: ")]
                if len(numbers) == 40:
                    break
        assert numbers == list(range(2, 42))

    with_feed(tmp_path, work, kept=5)


def test_a_quiet_stream_sends_a_heartbeat_with_the_number_that_it_has_come_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.05)

    async def work(database: Counting, feed: Feed) -> None:
        async with aclosing(stream(feed, EveryExport(database, lambda _: False), None)) as pieces:
            await anext(pieces)
            assert await anext(pieces) == b"id: 1\n\n"
            await database.write(note)
            async for piece in pieces:
                assert piece.startswith(b": heartbeat\n")
                if piece.endswith(b"id: 2\n\n"):
                    break

    with_feed(tmp_path, work)


def test_a_stream_ends_in_time_so_that_a_revoked_key_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "LONGEST_SECONDS", 0.05)

    async def work(database: Counting, feed: Feed) -> None:
        pieces = [piece async for piece in stream(feed, EveryExport(database, lambda _: True), None)]
        assert pieces[0].startswith(b"retry: ")
        assert not feed.listeners

    with_feed(tmp_path, work)


def test_a_number_that_nobody_has_drawn_yet_is_gone_on_from_where_the_numbers_are(tmp_path: Path) -> None:
    async def work(database: Counting, feed: Feed) -> None:
        async with aclosing(stream(feed, EveryExport(database, lambda _: True), 5000)) as pieces:
            await anext(pieces)
            await asyncio.gather(_write_once_read(database, feed), _hear(pieces, b"id: 2\n"))

    async def _write_once_read(database: Counting, feed: Feed) -> None:
        await until(lambda: feed.mark is not None)
        await database.write(note)

    async def _hear(pieces: AsyncGenerator[bytes, None], what: bytes) -> None:
        async for piece in pieces:
            if what in piece:
                return

    with_feed(tmp_path, work)
