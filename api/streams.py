"""Tells one listener of what happens, from a number on: what the database has of it first, then the news as they come."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from sqlalchemy import Connection

from api.event_stream import named_event
from api.feed import Feed, News
from landfall.database import archive, following, ledger, reading
from landfall.database.connection import Database, DatabaseUnavailable
from landfall.database.following import Happening
from landfall.exports.job import ExportJob
from landfall.exports.states import TERMINAL, State

HEARTBEAT_SECONDS = 15.0
# A client whose key was revoked shall not listen on for ever: it comes back, and then is asked for its key.
LONGEST_SECONDS = 900.0
_AGAIN_SECONDS = 1.0
_PAGE = 500
_BEGIN = b"retry: 1000\n\n"
_AWAY = named_event("unavailable", '{"detail":"the database cannot be reached; the stream goes on once it can"}')
_BACK = named_event("available", "{}")


class Source(Protocol):
    """What somebody listens to."""

    def wants(self, news: News) -> bool:
        """Whether this is part of it."""

    async def missed(self, after: int, last: int) -> tuple[Sequence[News], int]:
        """What happened behind `after` and before the news at hand, which begin behind `last`; and how far that goes."""

    async def newest(self) -> int:
        """The highest number of all."""

    async def ended(self, after: int) -> State | None:
        """The state in which it has ended, if nothing comes behind `after` any more."""


@dataclass(frozen=True, slots=True)
class EveryExport:
    """Whatever happens to the exports that are `wanted`."""

    database: Database
    wanted: Callable[[News], bool]

    def wants(self, news: News) -> bool:
        """Whether it is wanted."""
        return self.wanted(news)

    async def missed(self, after: int, last: int) -> tuple[Sequence[News], int]:
        """From the table of all events."""
        found = await self.database.read(partial(following.between, after=after, last=last, limit=_PAGE))
        news = [News.of(each) for each in found]
        return [each for each in news if self.wanted(each)], news[-1].number if len(news) == _PAGE else last

    async def newest(self) -> int:
        """The highest number of all."""
        return await self.database.read(following.newest)

    async def ended(self, after: int) -> State | None:  # noqa: ARG002 - the protocol's
        """Never."""
        return None


@dataclass(slots=True)
class OneExport:
    """Whatever happens to one export, until it has ended."""

    database: Database
    job: ExportJob
    _perhaps_ended: bool = field(init=False)

    def __post_init__(self) -> None:
        """Know how the export stood when it was asked for."""
        self._perhaps_ended = self.job.state in TERMINAL

    def wants(self, news: News) -> bool:
        """Whether it is this export's."""
        if news.export_id != self.job.id:
            return False
        self._perhaps_ended = news.state in TERMINAL
        return True

    async def missed(self, after: int, last: int) -> tuple[Sequence[News], int]:
        """From the export's timeline, which may be ahead of the news at hand."""
        found = await self.database.read(partial(_timeline, job=self.job, after=after, limit=_PAGE))
        news = [each for each in map(News.of, found) if self.wants(each)]
        reached = news[-1].number if news else after
        return news, reached if len(news) == _PAGE else max(reached, last)

    async def newest(self) -> int:
        """The highest number of all."""
        return await self.database.read(following.newest)

    async def ended(self, after: int) -> State | None:
        """Its state, where that is a final one and the timeline ends there."""
        if not self._perhaps_ended:
            return None
        return await self.database.read(partial(_end, job=self.job, after=after))


async def stream(feed: Feed, source: Source, after: int | None, key_id: str = "") -> AsyncGenerator[bytes, None]:
    """The events behind the number `after`, or None for those from now on; ends with the source, the feed or in time."""
    clock = asyncio.get_running_loop().time
    end, listener, away = clock() + LONGEST_SECONDS, _Listener(feed, source, after), False
    with feed.listening(key_id):
        yield _BEGIN
        while not feed.closed and clock() < end:
            change, heard = feed.change, _Heard()
            try:
                heard = await listener.look()
            except DatabaseUnavailable:
                heard = _Heard(away=True)
            if heard.away != away:
                away = heard.away
                yield _AWAY if away else _BACK
            if heard.piece:
                yield heard.piece
            elif (
                not await comes(change, min(_AGAIN_SECONDS if away else HEARTBEAT_SECONDS, end - clock())) and not away
            ):
                yield listener.heartbeat()
            if heard.last:
                return


@dataclass(frozen=True, slots=True)
class _Heard:
    """What a look has brought: a piece of the stream, its last one perhaps, or that the database is away."""

    piece: bytes = b""
    last: bool = False
    away: bool = False


@dataclass(slots=True)
class _Listener:
    """How far one listener has come."""

    feed: Feed
    source: Source
    position: int | None
    restarts: int = -1

    async def look(self) -> _Heard:
        """What is new. Raises DatabaseUnavailable."""
        mark = self.feed.mark
        if mark is None or self.feed.away:
            return _Heard(away=self.feed.away)
        if self.position is None:
            # From now on: whoever is cut off before anything has happened knows where to go on from.
            self.position, self.restarts = mark, self.feed.restarts
            return _Heard(f"id: {mark}\n\n".encode())
        position = await self._place(self.position, mark)
        news = self.feed.after(position)
        if news is None:
            found, self.position = await self.source.missed(position, mark)
        else:
            found = [each for each in news[:_PAGE] if self.source.wants(each)]
            self.position = news[_PAGE - 1].number if len(news) > _PAGE else max(position, mark)
        if found:
            return _Heard(b"".join(each.piece for each in found))
        if self.position < mark:
            return await self.look()
        state = await self.source.ended(self.position)
        return _Heard(named_event("end", json.dumps({"state": state})), last=True) if state else _Heard()

    def heartbeat(self) -> bytes:
        """A comment, and the number that the listener has come to though nothing of it was for its ears."""
        return b": heartbeat\n" + (b"\n" if self.position is None else f"id: {self.position}\n\n".encode())

    async def _place(self, position: int, mark: int) -> int:
        """Where to go on from: numbers that nobody has drawn yet were told before they began anew."""
        if self.restarts != self.feed.restarts and position > mark and position > await self.source.newest():
            # Above the mark alone it may be what another process has told already.
            position = mark
        self.restarts = self.feed.restarts
        return position


async def comes(change: asyncio.Event, seconds: float) -> bool:
    """Wait for a change of the feed; False where none comes within these seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await change.wait()
    return False


def _timeline(connection: Connection, job: ExportJob, after: int, limit: int) -> list[Happening]:
    found = ledger.find(connection, job.id)
    if found is None:
        told = archive.timeline(connection, job.id, after=after, limit=limit)
    else:
        told = reading.timeline(connection, job.id, after=after, limit=limit)
    last = len(told) < limit
    due_at = found.due_at if found and last else None
    return [Happening(event, job.id, job.account, due_at if event is told[-1] else None) for event in told]


def _end(connection: Connection, job: ExportJob, after: int) -> State | None:
    found = ledger.find(connection, job.id) or archive.find(connection, job.id)
    if found is None or found.state not in TERMINAL or reading.timeline(connection, job.id, after=after, limit=1):
        return None
    return found.state
