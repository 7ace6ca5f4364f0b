"""Offers what can be awaited of one export or batch: what landfall_client.exports offers, under the same names."""

import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVarTuple, Unpack

from landfall_client import downloading, procedures, records, steering, waiting
from landfall_client.async_driving import AsyncDriver
from landfall_client.downloading import Wanted
from landfall_client.effects import Flow, T
from landfall_client.facts import BatchFacts, Event, Explanation, ExportFacts, Json
from landfall_client.place import Place
from landfall_client.reading import batch_facts, export_facts, facts_alone
from landfall_client.saving import Progress, save

Words = TypeVarTuple("Words")


@dataclass(frozen=True, slots=True)
class AsyncConnection:
    """The API, and what carries out procedures with it."""

    place: Place
    driver: AsyncDriver

    def export(self, raw: Json) -> "AsyncExport":
        """The export that was read."""
        return AsyncExport(**export_facts(raw), _connection=self)

    def batch(self, raw: Json) -> "AsyncBatch":
        """The batch that was read."""
        return AsyncBatch(**batch_facts(raw), _connection=self)


@dataclass(frozen=True, kw_only=True, eq=False)
class AsyncExport(ExportFacts):
    """An export as it stood when it was read; what changes it returns it anew, and leaves this one as it is."""

    _connection: AsyncConnection = field(repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """Cross to another process as facts alone."""
        return facts_alone, (self.raw,)

    async def refresh(self) -> "AsyncExport":
        """The same export as it stands now."""
        return self._connection.export(await self._run(steering.export, self.id))

    async def wait(
        self,
        timeout: float | None = None,  # noqa: ASYNC109 - the wait alone ends with it, and says so; what was asked for goes on
        *,
        seen: Callable[["AsyncExport"], object] | None = None,
    ) -> "AsyncExport":
        """Wait until it has ended, `timeout` seconds at most, and tell `seen` how it stands at each look.

        An API that is away is waited for, two minutes at most. Raises ExportFailed where it ended without a file,
        WaitTimeout, Unreachable, ApiError.
        """
        connection = self._connection
        flow = waiting.export_ended(
            connection.place, self.id, timeout, lambda raw: seen(connection.export(raw)) if seen else None
        )
        return connection.export((await connection.driver.run(flow)).body).check()

    async def save(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        replace: bool = True,
        progress: Progress | None = None,
    ) -> Path:
        """Save the file as it lies in the store, and return where: `path`, the folder `path`, or here under its id.

        It has its name only once it is whole, proven by its SHA-256 and synced. What came before a connection or a
        process broke is kept beside it, and the next call goes on from there. `progress` is told the bytes that are
        there, and those of the whole. Raises ExportFailed, NotStored, FileGone, FileDiffers, FileNotSaved,
        FileExistsError where `replace` is False, Unreachable, ApiError.
        """
        connection = self._connection
        wanted = procedures.wanted(connection.place, self)
        return await connection.driver.run(save(wanted, path, progress, replace=replace))

    def rows(self, *, encoding: str = "utf-8-sig") -> AsyncIterator[dict[str, str]]:
        """The rows as dicts by the header's names, read as they come; a packed file is unpacked.

        Raises as `save`, and UnreadableRows; FileDiffers comes before the last rows, where what came was not what was
        stored, so that whoever reached the end has read the whole file.
        """
        return self._iterate(records.dicts, encoding)

    def lists(self, *, encoding: str = "utf-8-sig") -> AsyncIterator[list[str]]:
        """The same with each row as a list, the header first."""
        return self._iterate(records.lists, encoding)

    def chunks(self) -> AsyncIterator[bytes]:
        """The file's bytes as they lie in the store. Raises as `rows`, behind the last of them."""
        return self._iterate(downloading.pieces)

    def events(self) -> AsyncIterator[Event]:
        """What happened to it from its first moment on, and what happens, until it has ended."""
        connection = self._connection
        return connection.driver.iterate(procedures.events_of(connection.place, self.id))

    async def explain(self) -> Explanation:
        """Why it stands as it does, in words and data."""
        return await self._run(steering.explain, self.id)

    async def cancel(self) -> "AsyncExport":
        """Cancel it. Raises Conflict where it is stored or failed."""
        return self._connection.export(await self._run(steering.cancel, self.id))

    async def retry(self, *, from_start: bool = False) -> "AsyncExport":
        """Give it a new life: from the step that it ended in, or with a new report. Raises Conflict where it lives."""
        connection = self._connection
        flow = steering.retry(connection.place, self.id, from_start=from_start)
        return connection.export(await connection.driver.run(flow))

    async def prioritise(self, priority: int) -> "AsyncExport":
        """Move it in the queue: -1000 to 1000, higher goes first. Raises Conflict where it is not queued."""
        return self._connection.export(await self._run(steering.prioritise, self.id, priority))

    async def _run(self, procedure: Callable[[Place, Unpack[Words]], Flow[T]], *words: *Words) -> T:
        return await self._connection.driver.run(procedure(self._connection.place, *words))

    def _iterate(self, procedure: Callable[[Wanted, Unpack[Words]], Flow[None]], *words: *Words) -> AsyncIterator[Any]:
        wanted = procedures.wanted(self._connection.place, self)
        return self._connection.driver.iterate(procedure(wanted, *words))


@dataclass(frozen=True, kw_only=True, eq=False)
class AsyncBatch(BatchFacts):
    """A batch as it stood when it was read."""

    _connection: AsyncConnection = field(repr=False)

    async def refresh(self) -> "AsyncBatch":
        """The same batch as it stands now."""
        connection = self._connection
        return connection.batch(await connection.driver.run(steering.batch(connection.place, self.id)))

    async def wait(
        self,
        timeout: float | None = None,  # noqa: ASYNC109 - the wait alone ends with it, and says so; what was asked for goes on
        *,
        seen: Callable[["AsyncBatch"], object] | None = None,
    ) -> "AsyncBatch":
        """Wait until none of its exports is live; how they ended, `by_state`, `failures` and they themselves tell.

        Raises WaitTimeout, Unreachable, ApiError.
        """
        connection = self._connection
        flow = waiting.batch_finished(
            connection.place, self.id, timeout, lambda raw: seen(connection.batch(raw)) if seen else None
        )
        return connection.batch((await connection.driver.run(flow)).body)

    async def exports(self, *, state: str | None = None) -> AsyncIterator[AsyncExport]:
        """Its exports, newest first."""
        connection = self._connection
        query = procedures.export_query(state=state, batch=self.id)
        async for raw in connection.driver.iterate(procedures.pages(connection.place, "/v1/exports", query, None)):
            yield connection.export(raw)
