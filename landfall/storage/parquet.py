"""Publishes a Parquet copy beside a published CSV, whose manifest names it from then on."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from landfall.exports.errors import CopyRefused, StorageUnavailable
from landfall.exports.job import ExportJob
from landfall.storage.content import Tally
from landfall.storage.durable import as_storage_errors
from landfall.storage.encodings import encoding_of, parquet_name
from landfall.storage.manifest import Manifest, manifest, read_manifest, with_extra
from landfall.storage.parquet_writer import ParquetWriter
from landfall.storage.store import ArtifactMissing, Store
from landfall.storage.workspace import borrowed_folder

COPY = "parquet"  # what names the copy in the manifest of its CSV
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Described:
    """The copy, for its own manifest."""

    bytes: int
    sha256: str
    rows: int
    columns: tuple[str, ...]
    header_hash: str | None


class ParquetCopy:
    """The making of one copy, in a thread; another thread may stop it."""

    def __init__(self, store: Store, key: str, workspace: Path) -> None:
        """Make nothing yet of the CSV of this key; what has to be a file for a while lies in `workspace`."""
        self._store = store
        self._uri = store.uri(key)
        self._key = parquet_name(key)
        self._workspace = workspace
        self._stopped = threading.Event()
        self._writer: ParquetWriter | None = None

    def make(self, job: ExportJob) -> None:
        """Publish the copy unless it is there, then name it in the manifest of the CSV.

        Raises CopyRefused where that can never be, StorageUnavailable, StorageFull.
        """
        text = self._store.manifest(self._uri)
        source = text and _read(text)
        if not text or not source:
            raise CopyRefused("no Parquet copy was made: the file has no manifest that could name it")
        if self._store.stat(self._store.uri(self._key)) is None:
            with as_storage_errors(self._workspace), borrowed_folder(self._workspace) as folder:
                copy = folder / "copy.parquet"
                self._write(folder, copy, source)
                self._publish(copy, source, job)
        if source.extra.get(COPY) != self._key:
            self._store.describe(self._uri, with_extra(text, {COPY: self._key}))

    def stop(self) -> None:
        """Let `make` end soon, with StorageUnavailable."""
        self._stopped.set()
        if self._writer:
            self._writer.interrupt()

    def _write(self, folder: Path, target: Path, source: Manifest) -> None:
        local = self._store.local_path(self._uri) or self._brought(folder / "source")
        writer = ParquetWriter(folder)
        self._writer = writer
        try:
            self._go_on()
            plain_bytes = int(source.extra.get("plain_bytes", source.bytes))
            writer.write(local, target, encoding=encoding_of(self._uri), rows=source.rows, plain_bytes=plain_bytes)
        finally:
            self._writer = None
            writer.close()

    def _brought(self, path: Path) -> Path:
        """The CSV as a file of this machine."""
        try:
            with path.open("wb") as file:
                for chunk in self._passing(self._store.open(self._uri)):
                    file.write(chunk)
        except ArtifactMissing:
            raise StorageUnavailable("the file is gone again before its Parquet copy was made") from None
        return path

    def _publish(self, copy: Path, source: Manifest, job: ExportJob) -> None:
        tally = Tally()
        draft = self._store.draft(self._key, "copy")
        try:
            if draft.held:
                draft.restart()
            with copy.open("rb", buffering=0) as file:
                for chunk in self._passing(tally.passing(iter(lambda: file.read(_CHUNK_BYTES), b""))):
                    draft.write(chunk)
            described = _Described(tally.bytes, tally.sha256, source.rows, source.columns, source.header_hash)
            name = self._uri.rpartition("/")[2]
            draft.publish(manifest(job, described, published_at=datetime.now(UTC), extra={"copy_of": name}))
        finally:
            draft.close()

    def _passing(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._go_on()
            yield chunk

    def _go_on(self) -> None:
        if self._stopped.is_set():
            raise StorageUnavailable("the worker was stopped before the Parquet copy was made")


def copy_of(store: Store, uri: str) -> str | None:
    """The URI of the Parquet copy of a CSV, None where there is none. Raises StorageUnavailable."""
    # One that its CSV's manifest does not name was left by a worker that died before it could write that.
    copy = parquet_name(uri)
    return copy if store.stat(copy) is not None else None


def described(store: Store, uri: str) -> Manifest | None:
    """What the manifest beside a file says of it, None where there is none that can be read. Raises StorageUnavailable."""
    text = store.manifest(uri)
    return None if text is None else _read(text)


def _read(text: bytes) -> Manifest | None:
    try:
        return read_manifest(text)
    except ValueError:
        return None
