"""Lands a file: what is fetched is measured and written as it comes, proven whole, then published once."""

import asyncio
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Self

from landfall.exports.errors import ProofFailed, StorageFull, StorageUnavailable, TransferBroken
from landfall.exports.job import Artifact, ExportJob
from landfall.storage.content import Content, content_of, read_content
from landfall.storage.encodings import Encoding, encoding_of, stored_key
from landfall.storage.manifest import manifest
from landfall.storage.measure import Measure
from landfall.storage.packed_draft import PackedDraft
from landfall.storage.store import ArtifactMissing, Draft, Store
from worker.transfer.course import Whole

_CHECK_EVERY_BYTES = 64 << 20


class Landing:
    """One file on its way into the store; the sink of a transfer. What is closed is neither written nor published.

    `held` bytes under the host's `tag` are safe already: on disk they outlive this process, and the next attempt of
    the same report goes on from there, unless the file is packed on its way.
    """

    def __init__(self, store: Store, draft: Draft, key: str, *, reserve: int) -> None:
        """Take an open draft of the key; `reserve` bytes of the store's disk stay free."""
        self._store = store
        self._draft = draft
        self._key = key
        self._reserve = reserve
        self._measure = Measure()
        self._checked = 0
        # A task that is cancelled closes the part while its last call still runs in a thread.
        self._turn = threading.Lock()
        self._closed = False

    @classmethod
    async def open(
        cls, store: Store, key: str, job: ExportJob, *, reserve: int, at_rest: Encoding = "identity"
    ) -> Self:
        """Open the part of the export's report, with what an earlier attempt left; `at_rest` packs the file.

        The key gets the ending that goes with it. Raises StorageUnavailable or StorageFull.
        """
        return await asyncio.to_thread(cls._open, store, stored_key(key, at_rest), job, reserve)

    @classmethod
    def _open(cls, store: Store, key: str, job: ExportJob, reserve: int) -> Self:
        draft = store.draft(key, f"{job.generation}:{job.report_id or job.request_hash}")
        if encoding_of(key) != "identity":
            draft = PackedDraft(draft, encoding_of(key))
        landing = cls(store, draft, key, reserve=reserve)
        try:
            _check_room(store, reserve)
            draft.replay(landing._measure.update)
        except (StorageFull, StorageUnavailable):
            # What an earlier attempt left takes room that is needed, or cannot be read.
            draft.discard()
            draft.close()
            raise
        return landing

    @property
    def held(self) -> int:
        """Bytes of the file that are safe."""
        return self._draft.held

    @property
    def tag(self) -> str | None:
        """The strong ETag that they came under."""
        return self._draft.tag

    async def begin(self, tag: str | None, digests: Collection[str], /) -> None:
        """Drop what is held: a body starts at its first byte, and the host announced these digests of it."""
        await asyncio.to_thread(self._begin, tag)
        self._measure = Measure(digests)
        self._checked = 0

    def _begin(self, tag: str | None) -> None:
        with self._open_part() as draft:
            if draft.held:
                draft.restart()
            draft.remember(tag)

    async def keep(self, chunk: bytes) -> None:
        """Take the next bytes. Raises ProofFailed as soon as nothing that follows could make the file a CSV."""
        await asyncio.to_thread(self._keep, chunk)

    def _keep(self, chunk: bytes) -> None:
        with self._open_part() as draft:
            if draft.held - self._checked >= _CHECK_EVERY_BYTES:
                self._checked = draft.held
                _check_room(self._store, self._reserve)
            draft.write(chunk)
            self._measure.update(chunk)
        if flaw := self._measure.flaw:
            raise ProofFailed(flaw)

    def prove(self, whole: Whole) -> None:
        """Hold the file against all that is known of it. Raises ProofFailed or TransferBroken."""
        if self._measure.bytes != whole.bytes:
            raise TransferBroken(f"{self._measure.bytes} of {whole.bytes} bytes were kept")
        for name, announced in whole.checksums.items():
            if self._measure.digest(name) != announced:
                raise TransferBroken(f"the file's {name} is not the one that its host announced")
        if problem := self._measure.problem:
            raise ProofFailed(problem)

    async def publish(self, job: ExportJob) -> Artifact:
        """Publish the proven file and its manifest; a file that an earlier attempt published is measured and adopted."""
        return await asyncio.to_thread(self._publish, job)

    def _publish(self, job: ExportJob) -> Artifact:
        with self._open_part() as draft:
            content = self._content()
            text = manifest(
                job, content, published_at=datetime.now(UTC), encoding=content.encoding, extra=content.extra
            )
            published = draft.publish(text)
            self._closed = True
            draft.close()
        if published.adopted:
            content = _read(self._store, published.uri)
        return _artifact(published.uri, content)

    def _content(self) -> Content:
        if not isinstance(self._draft, PackedDraft):
            return content_of(self._measure)
        self._draft.finish()
        return content_of(self._measure, self._draft.tally, encoding_of(self._key))

    async def discard(self) -> None:
        """Remove the part."""
        await self._let_go(self._draft.discard)

    async def close(self) -> None:
        """Let go of the part; what was not published stays to be resumed, where the store can."""
        await self._let_go(self._draft.close)

    async def _let_go(self, how: Callable[[], None]) -> None:
        if not self._closed:
            await asyncio.to_thread(self._let_go_of_part, how)

    def _let_go_of_part(self, how: Callable[[], None]) -> None:
        with self._turn:
            self._closed = True
            how()

    @contextmanager
    def _open_part(self) -> Iterator[Draft]:
        with self._turn:
            if self._closed:
                raise StorageUnavailable("the part was let go of while it was still being written")
            yield self._draft


def _check_room(store: Store, reserve: int) -> None:
    free = store.free_bytes()
    if free is not None and free < reserve:
        raise StorageFull(f"the store has {free >> 20} MiB left, less than the reserve of {reserve >> 20} MiB")


def _read(store: Store, uri: str) -> Content:
    try:
        content = read_content(store.open(uri), encoding_of(uri))
    except ArtifactMissing:
        raise StorageUnavailable("the file that an earlier attempt had published is gone again") from None
    if content.problem:
        raise StorageUnavailable(f"another file has the name of this one: {content.problem}; remove {uri}")
    return content


def _artifact(uri: str, content: Content) -> Artifact:
    return Artifact(
        uri=uri,
        bytes=content.bytes,
        rows=content.rows,
        sha256=content.sha256,
        columns=content.columns,
        empty=content.empty,
        header_hash=content.header_hash,
    )
