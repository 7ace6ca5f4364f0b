"""Publishes a Parquet copy beside a stored CSV whose manifest names one."""

import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from landfall.exports.errors import StorageUnavailable
from landfall.exports.job import ExportJob
from landfall.storage.content import Tally
from landfall.storage.durable import as_storage_errors
from landfall.storage.encodings import encoding_of, parquet_name
from landfall.storage.manifest import Manifest, manifest, read_manifest
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

    def __init__(self, store: Store, uri: str, workspace: Path) -> None:
        """Make nothing yet; what has to be a file for a while lies in `workspace`."""
        self._store = store
        self._uri = uri
        self._workspace = workspace
        self._stopped = threading.Event()
        self._writer: ParquetWriter | None = None

    def make(self, job: ExportJob) -> None:
        """Publish the copy unless it is there. Raises StorageUnavailable, StorageFull."""
        source = described(self._store, self._uri)
        key = source and source.extra.get(COPY)
        if not source or not isinstance(key, str) or self._store.stat(parquet_name(self._uri)) is not None:
            return
        with as_storage_errors(self._workspace), borrowed_folder(self._workspace) as folder:
            copy = folder / "copy.parquet"
            self._write(folder, copy, source)
            self._publish(copy, key, source, job)

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

    def _publish(self, copy: Path, key: str, source: Manifest, job: ExportJob) -> None:
        tally = Tally()
        draft = self._store.draft(key, "copy")
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
    """The URI of the copy that the manifest of a CSV names. Raises StorageUnavailable."""
    found = described(store, uri)
    return parquet_name(uri) if found and COPY in found.extra else None


def described(store: Store, uri: str) -> Manifest | None:
    """What the manifest beside a file says of it, None where there is none that can be read. Raises StorageUnavailable."""
    text = store.manifest(uri)
    try:
        return read_manifest(text) if text is not None else None
    except ValueError:
        return None
