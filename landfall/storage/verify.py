"""Re-reads an artifact against its row and its manifest, and tells what has rotted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from landfall.exports.errors import StorageUnavailable
from landfall.exports.retention import StoredFile
from landfall.storage.content import Tally, read_content
from landfall.storage.encodings import encoding_of, parquet_name
from landfall.storage.manifest import MANIFEST, Manifest, read_manifest
from landfall.storage.parquet import COPY, described
from landfall.storage.store import ArtifactMissing, Store

_COMPARED = ("export_id", "bytes", "rows", "sha256")


class Rot(StrEnum):
    """What can be wrong with an artifact."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    SIZE = "size"
    CHECKSUM = "checksum"
    ROWS = "rows"
    COPY = "copy"
    MANIFEST_MISSING = "manifest_missing"
    MANIFEST_UNREADABLE = "manifest_unreadable"
    MANIFEST_DIFFERS = "manifest_differs"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, in words."""

    rot: Rot
    detail: str


def examine(store: Store, file: StoredFile, seen: Callable[[int], None]) -> list[Finding]:
    """All that is wrong with the artifact; `seen` is told of every so many bytes that were read.

    Raises StorageUnavailable where an object store does not answer: that tells nothing of the artifact.
    """
    missing = [Finding(Rot.MISSING, f"{file.uri} is not in the store")]
    try:
        size = store.stat(file.uri)
        return missing if size is None else _findings(store, file, size, seen)
    except ArtifactMissing:
        return missing
    except StorageUnavailable as error:
        if not store.url.startswith("file:"):
            raise
        return [Finding(Rot.UNREADABLE, str(error))]


def _findings(store: Store, file: StoredFile, size: int, seen: Callable[[int], None]) -> list[Finding]:
    text = store.manifest(file.uri)
    if text is None:
        absent = Finding(Rot.MANIFEST_MISSING, f"{file.uri}{MANIFEST} is not in the store")
        return [*_content(store, file, size, seen), absent]
    try:
        manifest = read_manifest(text)
    except ValueError as error:
        unreadable = Finding(Rot.MANIFEST_UNREADABLE, str(error))
        return [*_content(store, file, size, seen), unreadable]
    return [*_content(store, file, size, seen), *_compared(manifest, file), *_copy(store, file.uri, manifest)]


def _content(store: Store, file: StoredFile, size: int, seen: Callable[[int], None]) -> Iterator[Finding]:
    """Compare the file, and the CSV that is packed in it, with its row."""
    if size != file.bytes:
        yield Finding(Rot.SIZE, f"it has {size} bytes, {file.bytes} were published")
        return
    content = read_content(_told(store.open(file.uri), seen), encoding_of(file.uri))
    if content.sha256 != file.sha256:
        yield Finding(Rot.CHECKSUM, f"its SHA-256 is {content.sha256}, {file.sha256} was published")
    if content.problem:
        yield Finding(Rot.ROWS, f"its rows cannot be counted: {content.problem}")
    elif content.rows != file.rows:
        yield Finding(Rot.ROWS, f"it has {content.rows} rows, {file.rows} were published")


def _told(chunks: Iterator[bytes], seen: Callable[[int], None]) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk
        seen(len(chunk))


def _copy(store: Store, uri: str, manifest: Manifest) -> Iterator[Finding]:
    """Compare the Parquet copy, where the manifest names one, with what its own manifest says of it."""
    if COPY not in manifest.extra:
        return
    copy = parquet_name(uri)
    if store.stat(copy) is None:
        yield Finding(Rot.COPY, f"its Parquet copy {copy} is not in the store")
        return
    tally = Tally()
    for _ in tally.passing(store.open(copy)):
        pass
    told = described(store, copy)
    if told and told.sha256 != tally.sha256:
        yield Finding(Rot.COPY, f"the SHA-256 of its Parquet copy is {tally.sha256}, {told.sha256} was published")


def _compared(manifest: Manifest, file: StoredFile) -> Iterator[Finding]:
    for name in _COMPARED:
        told, recorded = getattr(manifest, name), getattr(file, name)
        if told != recorded:
            yield Finding(Rot.MANIFEST_DIFFERS, f"it says {name} {told}, the database {recorded}")
