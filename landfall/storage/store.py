"""Says what Landfall asks of a place that keeps files, and opens the one that the settings name."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from landfall.settings import SettingsError
from landfall.storage.disk import DiskStore
from landfall.storage.published import ArtifactMissing, Published

__all__ = ["ArtifactMissing", "Draft", "Published", "Store", "open_store"]

_BUCKETS = frozenset({"s3", "gs", "az"})
_FORMS = "file:///absolute/path, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"


class Draft(Protocol):
    """A part: nobody sees it until it is published. Its calls may raise StorageUnavailable and StorageFull."""

    @property
    def held(self) -> int:
        """Bytes that the part holds now; right after opening, what an earlier attempt left behind safely."""

    @property
    def tag(self) -> str | None:
        """The strong ETag that the held bytes came under, None if it is not known."""

    def replay(self, keep: Callable[[bytes], None]) -> None:
        """Hand the held bytes over again, in chunks of 1 MiB, to be measured."""

    def write(self, chunk: bytes) -> None:
        """Append."""

    def remember(self, tag: str | None) -> None:
        """Keep the strong ETag of what is written from now on; to be called before the first write of a body."""

    def restart(self) -> None:
        """Drop what is held and begin at byte 0 again."""

    def publish(self, manifest: bytes) -> Published:
        """Make the file visible under its key, whole and durable, then its manifest beside it.

        A key that is taken is adopted: its content is not touched.
        """

    def discard(self) -> None:
        """Remove the part. Nothing happens a second time or after publish."""

    def close(self) -> None:
        """Let go of the part; what was neither published nor discarded stays to be resumed, where the store can."""


class Store(Protocol):
    """A place that keeps artifacts. Its calls block: run them in a thread. They may raise StorageUnavailable."""

    url: str

    def draft(self, key: str, mark: str) -> Draft:
        """Open the part of a key; `mark` names what is fetched, and a part with another mark is thrown away."""

    def uri(self, key: str) -> str:
        """The name by which a row knows the artifact of a key."""

    def open(self, uri: str) -> Iterator[bytes]:
        """Read an artifact in chunks of about 1 MiB. Raises ArtifactMissing."""

    def stat(self, uri: str) -> int | None:
        """The size of an artifact in bytes, None where it is gone."""

    def manifest(self, uri: str) -> bytes | None:
        """The manifest of an artifact, None where there is none."""

    def describe(self, uri: str, manifest: bytes) -> None:
        """Put this manifest beside an artifact, in the place of the one that is there."""

    def remove(self, uri: str) -> None:
        """Remove an artifact and its manifest, as far as they are there."""

    def local_path(self, uri: str) -> Path | None:
        """The file itself where the store is a folder and has it, else None."""

    def signed_url(self, uri: str, seconds: int) -> str | None:
        """An address that reads the artifact without credentials for so long, None where the store has none."""

    def free_bytes(self) -> int | None:
        """The room left, None where the store names no limit."""

    def sweep(self, older_than: timedelta) -> int:
        """Remove abandoned parts, uploads and temporary files of that age; returns how many."""

    def check(self) -> None:
        """Write, read and remove a probe. Raises StorageUnavailable, with the cure, where that does not work."""


def open_store(url: str, *, hasty: bool = False) -> Store:
    """The store that a URL names; a `hasty` one gives up on a silent service within two seconds. Raises SettingsError."""
    parts = urlsplit(url)
    if parts.scheme in _BUCKETS:
        from landfall.storage.objects import (  # noqa: PLC0415 - 6 MB that who stores on disk need not hold
            HASTY,
            open_objects,
        )

        return open_objects(url, HASTY) if hasty else open_objects(url)
    if parts.scheme != "file" or parts.netloc or not parts.path.startswith("/"):
        raise SettingsError(f"storage_url: names no store that Landfall knows; write it as {_FORMS}.")
    return DiskStore(Path(unquote(parts.path)))
